//! What an event points to, kept in one place until the next event takes over.

use std::any::Any;
use std::ffi::{c_char, CStr, CString};
use std::rc::Rc;

/// Texts, structs and lists whose pointers were handed out. `Rc`, because a `Box` that moves
/// may not be pointed into.
#[derive(Default)]
pub struct Kept {
    texts: Vec<Rc<CStr>>,
    things: Vec<Rc<dyn Any>>,
}

impl Kept {
    /// A C string that lives as long as this. A NUL in the text, which nobody has any use
    /// for, is shown as U+FFFD.
    pub fn text(&mut self, text: &str) -> *const c_char {
        if text.is_empty() {
            return c"".as_ptr();
        }
        let text: Rc<CStr> = c_string(text).into();
        let pointer = CStr::as_ptr(&text);
        self.texts.push(text);
        pointer
    }

    /// `text`, with "" for none.
    pub fn some_text(&mut self, text: Option<&str>) -> *const c_char {
        self.text(text.unwrap_or(""))
    }

    /// A struct.
    pub fn one<T: 'static>(&mut self, thing: T) -> *const T {
        let thing = Rc::new(thing);
        let pointer = Rc::as_ptr(&thing);
        self.things.push(thing);
        pointer
    }

    /// Pointers to structs, with a NULL behind the last one.
    pub fn list<T: 'static>(&mut self, things: Vec<T>) -> *const *const T {
        let mut pointers: Vec<*const T> = things.into_iter().map(|one| self.one(one)).collect();
        pointers.push(std::ptr::null());
        let pointers: Rc<[*const T]> = pointers.into();
        let pointer = pointers.as_ptr();
        self.things.push(Rc::new(pointers));
        pointer
    }
}

/// A text for C.
pub fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Entries of a list, for C.
pub fn count<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_stay_good_while_more_is_kept() {
        let mut kept = Kept::default();
        let text = kept.text("a\0b");
        let list = kept.list(vec![7_u64, 8]);
        for n in 0..1_000_u32 {
            kept.one(n);
            kept.text("more");
        }
        // SAFETY: `kept` is alive, and the list has two entries and a NULL.
        unsafe {
            assert_eq!(CStr::from_ptr(text).to_str().unwrap(), "a\u{fffd}b");
            assert_eq!((**list, **list.add(1)), (7, 8));
            assert!((*list.add(2)).is_null());
        }
    }
}
