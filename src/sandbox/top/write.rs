//! How an answer is written: as JSON, as JSON without its wrappers, or as XML. Methods make
//! the JSON; the other two are made of it.

use std::borrow::Cow;

use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::Writer;
use serde_json::{Map, Value};

/// What stands for a character that XML 1.0 cannot hold, escaped or not.
const REPLACEMENT: char = '\u{fffd}';
/// The property of an error; it keeps its wrapper whatever is asked for.
const ERROR: &str = "error_response";

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One object with one property.
    Json,
    /// `simplify=true`: what is in that property, and lists without the name of their items.
    Slim,
    /// A document whose root is that property.
    Xml,
}

impl Style {
    /// Of the parameters `format` and `simplify`. The platform's default is XML, which has no
    /// slim form; an unknown format is refused in it.
    pub fn of(format: Option<&str>, simplify: Option<&str>) -> Style {
        match (format, simplify) {
            (Some("json"), Some("true")) => Style::Slim,
            (Some("json"), _) => Style::Json,
            _ => Style::Xml,
        }
    }

    /// The type of the text.
    pub fn content_type(self) -> &'static str {
        match self {
            Style::Json | Style::Slim => "text/javascript;charset=UTF-8",
            Style::Xml => "text/xml;charset=UTF-8",
        }
    }

    /// The answer in this style. `json` is the answer as methods make it.
    ///
    /// # Errors
    /// It is no object with one property.
    pub fn write(self, json: String) -> Result<String, String> {
        if self == Style::Json {
            return Ok(json);
        }
        let root: Map<String, Value> =
            serde_json::from_str(&json).map_err(|error| error.to_string())?;
        let mut members = root.into_iter();
        let (Some((name, node)), None) = (members.next(), members.next()) else {
            return Err("an answer has one property".into());
        };
        match self {
            Style::Slim if name == ERROR => Ok(json),
            Style::Slim => Ok(slim(node).to_string()),
            Style::Json | Style::Xml => Ok(document(&name, &node)),
        }
    }
}

/// Takes the item's name away between a list and its member.
fn slim(node: Value) -> Value {
    match node {
        Value::Object(members) => {
            let inner = |(name, value)| (name, slim(unwrapped(value)));
            Value::Object(members.into_iter().map(inner).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(slim).collect()),
        other => other,
    }
}

fn unwrapped(value: Value) -> Value {
    match value {
        Value::Object(members) if is_list(&members) => {
            members.into_iter().next().map_or(Value::Null, |(_, items)| items)
        }
        other => other,
    }
}

/// The platform's lists: `{"item":[..]}`.
fn is_list(members: &Map<String, Value>) -> bool {
    members.len() == 1 && members.values().all(Value::is_array)
}

fn document(name: &str, node: &Value) -> String {
    let mut writer = Writer::new(Vec::new());
    let declaration = BytesDecl::new("1.0", Some("utf-8"), None);
    put(&mut writer, Event::Decl(declaration));
    element(&mut writer, name, node);
    // The writer takes texts, and puts ASCII between them.
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

fn put(writer: &mut Writer<Vec<u8>>, event: Event) {
    // Memory takes everything.
    let _ = writer.write_event(event);
}

/// A member of an answer. What is null is left out; a list outside of any wrapper gives one
/// element for each item.
fn element(writer: &mut Writer<Vec<u8>>, name: &str, node: &Value) {
    match node {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| element(writer, name, item)),
        Value::Object(members) => {
            let name = element_name(name);
            let mut start = BytesStart::new(&*name);
            if is_list(members) {
                start.push_attribute(("list", "true"));
            }
            put(writer, Event::Start(start));
            members.iter().for_each(|(name, node)| element(writer, name, node));
            put(writer, Event::End(BytesEnd::new(&*name)));
        }
        Value::String(text) => leaf(writer, name, text),
        Value::Bool(_) | Value::Number(_) => leaf(writer, name, &node.to_string()),
    }
}

fn leaf(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) {
    let name = element_name(name);
    put(writer, Event::Start(BytesStart::new(&*name)));
    let allowed = allowed(text);
    let text = BytesText::from_escaped(partial_escape(&*allowed));
    put(writer, Event::Text(text));
    put(writer, Event::End(BytesEnd::new(&*name)));
}

/// XML 1.0, 2.2: no control characters but tab and line ends, and not the last two of the plane.
fn allowed(text: &str) -> Cow<'_, str> {
    let is_char = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    };
    if text.chars().all(is_char) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_char(c) { c } else { REPLACEMENT }).collect())
}

/// Names of members are ours, but nothing keeps them from being no names in XML.
fn element_name(name: &str) -> Cow<'_, str> {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let follows = |c: char| starts(c) || c.is_ascii_digit() || c == '-' || c == '.';
    if name.starts_with(starts) && name.chars().all(follows) {
        return Cow::Borrowed(name);
    }
    let kept: String = name.chars().map(|c| if follows(c) { c } else { '_' }).collect();
    Cow::Owned(if kept.starts_with(starts) { kept } else { format!("_{kept}") })
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    /// An element as an XML parser gives it: name, whether it is marked as a list, text, children.
    #[derive(Debug, PartialEq)]
    struct Read(String, bool, String, Vec<Read>);

    fn read(xml: &str) -> Read {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Read(String::new(), false, String::new(), Vec::new())];
        loop {
            match reader.read_event().unwrap() {
                Event::Decl(declaration) => {
                    assert_eq!(&*declaration.encoding().unwrap().unwrap(), "utf-8");
                }
                Event::Start(start) => {
                    let name = start.name().as_ref().to_owned();
                    let list = start.attributes().next().is_some();
                    open.push(Read(name, list, String::new(), Vec::new()));
                }
                Event::End(_) => {
                    let done = open.pop().unwrap();
                    open.last_mut().unwrap().3.push(done);
                }
                Event::Text(text) => open.last_mut().unwrap().2.push_str(&text),
                Event::GeneralRef(entity) => {
                    let known = match entity.resolve_char_ref().unwrap() {
                        Some(c) => c.to_string(),
                        None => quick_xml::escape::resolve_xml_entity(&entity).unwrap().to_owned(),
                    };
                    open.last_mut().unwrap().2.push_str(&known);
                }
                Event::Eof => break,
                other => panic!("{other:?}"),
            }
        }
        let document = open.pop().unwrap();
        assert!(open.is_empty() && document.3.len() == 1, "{xml}");
        document.3.into_iter().next().unwrap()
    }

    fn leaf(name: &str, text: &str) -> Read {
        Read(name.into(), false, text.into(), Vec::new())
    }

    const GIFTS: &str = r#"{"deg_user_gamegift_query_response":{"result":{"success":true,"data":{
        "records":{"game_gift_record_dto":[{"record_id":"9007199254740993","status":1},
        {"record_id":"2","status":2}]},"none":null}},"request_id":"r1"}}"#;

    #[test]
    fn the_default_is_xml_and_only_json_can_be_slim() {
        for (format, simplify, style) in [
            (None, None, Style::Xml),
            (None, Some("true"), Style::Xml),
            (Some("xml"), Some("true"), Style::Xml),
            (Some("yaml"), None, Style::Xml),
            (Some("json"), None, Style::Json),
            (Some("json"), Some("false"), Style::Json),
            (Some("json"), Some("true"), Style::Slim),
        ] {
            assert_eq!(Style::of(format, simplify), style, "{format:?} {simplify:?}");
        }
    }

    #[test]
    fn lists_are_marked_in_xml_and_unwrapped_when_slim() {
        let xml = Style::Xml.write(GIFTS.into()).unwrap();
        let items = "<records list=\"true\"><game_gift_record_dto>\
                     <record_id>9007199254740993</record_id>";
        assert!(xml.contains(items), "{xml}");
        let slim: Value = serde_json::from_str(&Style::Slim.write(GIFTS.into()).unwrap()).unwrap();
        assert_eq!(slim["result"]["data"]["records"][1]["record_id"], "2");
        assert_eq!((&slim["request_id"], &slim["result"]["success"]), (&"r1".into(), &true.into()));
        assert_eq!(Style::Json.write(GIFTS.into()).unwrap(), GIFTS);
    }

    #[test]
    fn a_parser_reads_what_was_meant() {
        let node = |name: &str, list, children| Read(name.into(), list, String::new(), children);
        let record = |id, status| {
            node("game_gift_record_dto", false, vec![leaf("record_id", id), leaf("status", status)])
        };
        let records = vec![record("9007199254740993", "1"), record("2", "2")];
        let data = node("data", false, vec![node("records", true, records)]);
        let result = node("result", false, vec![data, leaf("success", "true")]);
        let mut read = read(&Style::Xml.write(GIFTS.into()).unwrap());
        read.3.sort_by(|a, b| b.0.cmp(&a.0));
        let expected =
            node("deg_user_gamegift_query_response", false, vec![result, leaf("request_id", "r1")]);
        assert_eq!(read, expected);
    }

    #[test]
    fn errors_keep_their_wrapper() {
        let error = r#"{"error_response":{"code":29,"msg":"Invalid App Key"}}"#;
        assert_eq!(Style::Slim.write(error.into()).unwrap(), error);
        let xml = Style::Xml.write(error.into()).unwrap();
        assert_eq!(
            xml,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><error_response><code>29</code>\
             <msg>Invalid App Key</msg></error_response>"
        );
    }

    #[test]
    fn texts_come_through_and_what_xml_cannot_hold_is_replaced() {
        for (text, kept) in [
            ("<a> & \"b\" 'c' ]]>", "<a> & \"b\" 'c' ]]>"),
            (" 宝石💎\t1\n2\r\n3 ", " 宝石💎\t1\n2\r\n3 "),
            (
                "\u{0}\u{8}\u{1b}[31m\u{fffe}\u{ffff}",
                "\u{fffd}\u{fffd}\u{fffd}[31m\u{fffd}\u{fffd}",
            ),
            ("&#0;&lt;", "&#0;&lt;"),
            ("", ""),
        ] {
            let json = serde_json::json!({ "r": { "m": text } }).to_string();
            let read = read(&Style::Xml.write(json).unwrap());
            assert_eq!(read.3, [leaf("m", kept)], "{text:?}");
        }
    }

    #[test]
    fn names_that_xml_does_not_know_are_bent() {
        let json = r#"{"r":{"23012345":1,"a b":2,"语":3,"":4,"-x":5,"n":[6,7]}}"#;
        let read = read(&Style::Xml.write(json.into()).unwrap());
        let mut names: Vec<&str> = read.3.iter().map(|child| &*child.0).collect();
        names.sort_unstable();
        assert_eq!(names, ["_", "_", "_-x", "_23012345", "a_b", "n", "n"]);
    }

    #[test]
    fn what_is_no_answer_is_said_so() {
        for json in ["", "[]", "{}", r#"{"a":1,"b":2}"#, r#"{"a":"#] {
            for style in [Style::Slim, Style::Xml] {
                assert!(style.write(json.into()).is_err(), "{json}");
            }
        }
    }
}
