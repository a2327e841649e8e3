//! Keys and signatures, with openssl as the judge.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alitv_pay::wire::confirm::{verify_confirm_key, ConfirmFacts};
use alitv_pay::wire::secret::Secret;
use serde_json::Value;

use super::run::{alitv_pay, run, Done};

/// A directory whose files have short names in tests.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Dir {
        Dir(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A private file, for its name.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o600)).unwrap();
        self.text(name)
    }

    /// openssl in this directory, for its output.
    #[track_caller]
    pub fn openssl(&self, line: &str) -> Vec<u8> {
        self.openssl_with(line, b"")
    }

    #[track_caller]
    pub fn openssl_with(&self, line: &str, input: &[u8]) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command.args(line.split(' ')).current_dir(self.0.path());
        let output = feed(&mut command, input);
        assert!(output.status.success(), "openssl {line}: {output:?}");
        output.stdout
    }
}

/// Runs a program with an input.
pub fn feed(command: &mut Command, input: &[u8]) -> std::process::Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program is there: tools/needs");
    // One that has seen enough may have gone.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The binary with an input.
pub fn run_with(args: &[&str], input: &[u8]) -> Done {
    feed(&mut alitv_pay(args), input).into()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// No line of a private key's base64, and no secret, stands in any output.
#[track_caller]
fn says_nothing_of(done: &Done, secret: &str) {
    for line in secret.lines().filter(|line| line.len() > 5 && !line.starts_with("-----")) {
        assert!(!done.stdout.contains(line) && !done.stderr.contains(line), "{done:?}");
    }
}

#[test]
fn openssl_reads_a_key_pair_that_was_made_here() {
    let dir = Dir::new();
    let prefix = dir.text("shop");
    let done = run(&["keygen", "--bits", "1024", "--out", &prefix, "--json"]).ends_with(0);
    assert!(done.stderr.contains("1024 bits is weak"), "{done:?}");
    says_nothing_of(&done, &dir.read("shop.key.pem"));
    let made = &done.json()[0];
    assert_eq!(made["private_key"], format!("{prefix}.key.pem"));
    assert_eq!(made["public_key"], format!("{prefix}.pub.pem"));
    assert_eq!(mode(&dir.path("shop.key.pem")), 0o600);
    dir.openssl("pkey -in shop.key.pem -check -noout");
    let private = dir.read("shop.key.pem");
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
    assert_eq!(dir.openssl("pkey -in shop.key.pem"), private.as_bytes());
    let public = dir.openssl("pkey -in shop.key.pem -pubout");
    assert_eq!(public, dir.read("shop.pub.pem").as_bytes());
    let lines = dir.read("shop.pub.pem").lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(made["portal"], lines[1..lines.len() - 1].concat());
    for file in ["shop.key.pem", "shop.pub.pem"] {
        let portal = run(&["keys", "show", "--portal", &dir.text(file)]).ends_with(0);
        assert_eq!(portal.stdout.trim_end(), made["portal"].as_str().unwrap());
        let pem = run(&["keys", "show", "--pem", &dir.text(file)]).ends_with(0);
        assert_eq!(pem.stdout.as_bytes(), public);
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = Dir::new();
    let make = || run(&["keygen", "--bits", "1024", "--out", &dir.text("k")]);
    dir.write("k.pub.pem", "old");
    let done = make().ends_with(1);
    assert!(done.stderr.contains("k.pub.pem exists"), "{done:?}");
    assert!(!dir.path("k.key.pem").exists());
    fs::remove_file(dir.path("k.pub.pem")).unwrap();
    make().ends_with(0);
    let before = (dir.read("k.key.pem"), dir.read("k.pub.pem"));
    assert!(make().ends_with(1).stderr.contains("k.key.pem exists"));
    assert_eq!((dir.read("k.key.pem"), dir.read("k.pub.pem")), before);
    let nowhere = dir.text("nowhere/k");
    assert!(run(&["keygen", "--bits", "1024", "--out", &nowhere]).exit == 1);
    for bits in ["1023", "1020", "1028", "4097", "512", "8192", "-1", "many"] {
        let done = run(&["keygen", &format!("--bits={bits}"), "--out", &dir.text("x")]);
        assert!(done.ends_with(2).stderr.contains("1024 to 4096"), "{bits}");
    }
}

#[test]
fn keys_that_openssl_made_are_told() {
    let dir = Dir::new();
    dir.openssl("genrsa -traditional -out pkcs1.pem 2048");
    dir.openssl("pkcs8 -topk8 -nocrypt -in pkcs1.pem -out pkcs8.pem");
    dir.openssl("rsa -in pkcs1.pem -pubout -out spki.pem");
    dir.openssl("rsa -in pkcs1.pem -RSAPublicKey_out -out public1.pem");
    dir.write("crlf.txt", dir.read("pkcs8.pem").replace('\n', "\r\n"));
    let line = dir.read("pkcs8.pem").lines().filter(|l| !l.starts_with('-')).collect::<String>();
    dir.write("line.txt", &line);
    dir.write("template.txt", dir.read("pkcs8.pem").replace('\n', ""));
    let cases = [
        ("pkcs1.pem", "private", "PKCS#1", "PEM"),
        ("pkcs8.pem", "private", "PKCS#8", "PEM"),
        ("crlf.txt", "private", "PKCS#8", "PEM"),
        ("line.txt", "private", "PKCS#8", "base64 on one line"),
        ("template.txt", "private", "PKCS#8", "PEM on one line"),
        ("spki.pem", "public", "SubjectPublicKeyInfo", "PEM"),
        ("public1.pem", "public", "PKCS#1", "PEM"),
    ];
    let mut fingerprints = Vec::new();
    for (file, kind, form, layout) in cases {
        let done =
            run(&["keys", "check", &dir.text(file), "--expect", kind, "--json"]).ends_with(0);
        let facts = &done.json()[0];
        assert_eq!(facts["kind"], kind, "{file}");
        assert_eq!((&facts["form"], &facts["layout"]), (&form.into(), &layout.into()), "{file}");
        assert_eq!((&facts["bits"], &facts["warnings"]), (&2048.into(), &Value::Array(vec![])));
        fingerprints.push(facts["fingerprint"].clone());
        let other = if kind == "private" { "public" } else { "private" };
        let done = run(&["keys", "check", &dir.text(file), "--expect", other]).ends_with(1);
        assert!(done.stderr.contains(&format!("this is an RSA {kind} key ({form})")), "{done:?}");
        assert!(done.stderr.contains(&format!("expected an RSA {other} key")), "{done:?}");
        says_nothing_of(&done, &dir.read("pkcs8.pem"));
        let shown = run(&["keys", "show", &dir.text(file), "--json"]).ends_with(0);
        says_nothing_of(&shown, &dir.read("pkcs8.pem"));
        assert_eq!(shown.json()[0]["block_bytes"], 256);
        assert_eq!(shown.json()[0]["fingerprint"], facts["fingerprint"]);
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1);
    let der = dir.openssl("pkey -in pkcs8.pem -pubout -outform DER");
    let digest = dir.openssl_with("dgst -sha256 -r", &der);
    assert!(digest.starts_with(fingerprints[0].as_str().unwrap().as_bytes()));
}

#[test]
fn what_is_no_such_key_is_named_with_what_helps() {
    let dir = Dir::new();
    dir.openssl("genrsa -out key.pem 1024");
    dir.openssl("genrsa -out small.pem 512");
    dir.openssl("pkcs8 -topk8 -in key.pem -passout pass:x -out locked.pem");
    dir.openssl("rsa -in key.pem -traditional -aes128 -passout pass:x -out locked1.pem");
    dir.openssl("req -x509 -key key.pem -subj /CN=x -out cert.pem");
    dir.openssl("req -new -key key.pem -subj /CN=x -out request.pem");
    dir.openssl("ecparam -name prime256v1 -genkey -out ec.pem");
    dir.openssl("ecparam -name prime256v1 -genkey -noout -out ec1.pem");
    dir.openssl("genpkey -algorithm ed25519 -out ed.pem");
    dir.openssl("pkey -in key.pem -outform DER -out key.der");
    dir.write("two.pem", dir.read("key.pem").repeat(2));
    dir.write("empty.pem", "");
    dir.write("page.html", "<html>login</html>");
    let utf16: Vec<u8> = "\u{feff}MIIC".encode_utf16().flat_map(u16::to_le_bytes).collect();
    dir.write("utf16.txt", utf16);
    let cases = [
        ("small.pem", "512 bits", "keygen"),
        ("locked.pem", "password", "openssl pkey"),
        ("locked1.pem", "password", "openssl pkey"),
        ("cert.pem", "certificate", "openssl x509"),
        ("request.pem", "signing request", "keygen"),
        ("ec.pem", "2 PEM blocks (EC PARAMETERS, EC PRIVATE KEY)", "keep"),
        ("ec1.pem", "elliptic curve", "keygen"),
        ("ed.pem", "Ed25519", "keygen"),
        ("key.der", "DER", "-inform DER"),
        ("two.pem", "2 PEM blocks", "keep"),
        ("empty.pem", "empty", "keygen"),
        ("page.html", "web page", "keygen"),
        ("utf16.txt", "UTF-16", "UTF-8"),
        ("missing.pem", "No such file", "read"),
    ];
    for (file, is, helps) in cases {
        let done = run(&["keys", "check", &dir.text(file)]).ends_with(1);
        let (what, next) = done.stderr.split_once("\n next: ").unwrap();
        assert!(what.contains(is) && what.contains(file) && next.contains(helps), "{done:?}");
    }
}

#[test]
fn what_others_would_stumble_over_is_a_warning() {
    let dir = Dir::new();
    dir.openssl("genrsa -out key.pem 2048");
    let pem = dir.read("key.pem");
    dir.write("label.pem", pem.replace("PRIVATE", "RSA PRIVATE"));
    dir.write("bom.pem", format!("\u{feff}{pem}"));
    dir.write("text.pem", format!("my key:\n{pem}"));
    dir.write("open.pem", &pem);
    fs::set_permissions(dir.path("open.pem"), PermissionsExt::from_mode(0o640)).unwrap();
    for (file, word) in [
        ("label.pem", "header line"),
        ("bom.pem", "byte order mark"),
        ("text.pem", "before or behind"),
        ("open.pem", "chmod 600"),
    ] {
        let done = run(&["keys", "check", &dir.text(file)]).ends_with(0);
        assert!(done.stdout.contains("an RSA private key"), "{done:?}");
        assert!(done.stderr.contains(word) && done.stderr.lines().count() == 1, "{done:?}");
        let done = run(&["keys", "check", "--json", &dir.text(file)]).ends_with(0);
        assert_eq!(done.json()[0]["warnings"].as_array().unwrap().len(), 1);
    }
    let zh = run(&["keys", "check", "--lang", "zh", &dir.text("open.pem")]).ends_with(0);
    assert!(zh.stderr.contains("警告"), "{zh:?}");
    let piped = run_with(&["keys", "check", "-"], pem.as_bytes()).ends_with(0);
    assert_eq!(piped.stderr, "");
}

#[test]
fn signatures_go_both_ways() {
    let dir = Dir::new();
    for bits in ["1024", "2048"] {
        dir.openssl(&format!("genrsa -out {bits}.pem {bits}"));
        dir.openssl(&format!("pkey -in {bits}.pem -pubout -out {bits}.pub"));
        let (key, public) = (dir.text(&format!("{bits}.pem")), dir.text(&format!("{bits}.pub")));
        for text in ["", "partner=1&subject=宝石", "ends in a newline\n"] {
            let signed = run_with(&["sign", "--key", &key], text.as_bytes()).ends_with(0);
            says_nothing_of(&signed, &dir.read(&format!("{bits}.pem")));
            assert_eq!(signed.stderr.contains("newline"), text.ends_with('\n'), "{signed:?}");
            dir.write("signature", signed.stdout.trim_end());
            dir.openssl("base64 -d -A -in signature -out binary");
            let line = format!("dgst -sha1 -verify {bits}.pub -signature binary");
            dir.openssl_with(&line, text.as_bytes());
            let binary = dir.openssl_with(&format!("dgst -sha1 -sign {bits}.pem"), text.as_bytes());
            let theirs = String::from_utf8(dir.openssl_with("base64 -A", &binary)).unwrap();
            assert_eq!(theirs, signed.stdout.trim_end());
            for file in [&public, &key] {
                let verify = ["verify", "--key", file, "--signature", &theirs];
                let done = run_with(&verify, text.as_bytes()).ends_with(0);
                assert_eq!(done.stdout, "the signature is right\n");
                let by_argument = [&verify[..], &["--text", text]].concat();
                run(&by_argument).ends_with(0);
                run_with(&verify, b"other").ends_with(1);
            }
        }
    }
}

#[test]
fn a_wrong_signature_comes_with_the_usual_slip() {
    let dir = Dir::new();
    dir.openssl("genrsa -out key.pem 1024");
    let key = dir.text("key.pem");
    let sign = |text: &str, charset: &str| {
        let args = ["sign", "--key", &key, "--charset", charset, "--json"];
        let signed = run_with(&args, text.as_bytes()).ends_with(0).json().remove(0);
        signed["signature"].as_str().unwrap().to_owned()
    };
    for (signed, charset, text, used, word) in [
        ("宝石", "gbk", "宝石", "utf8", "--charset gbk"),
        ("宝石", "utf8", "宝石", "gbk", "--charset utf8"),
        ("gem", "utf8", "gem\n", "utf8", "without the newline"),
        ("gem\n", "utf8", "gem", "utf8", "with a newline"),
        ("gem", "utf8", "gems", "utf8", "compare"),
    ] {
        let signature = sign(signed, charset);
        let args = ["verify", "--key", &key, "--signature", &signature, "--charset", used];
        let done = run_with(&args, text.as_bytes()).ends_with(1);
        assert!(done.stderr.contains(word), "{done:?}");
    }
    let done = run(&["sign", "--key", &key, "--charset", "gbk", "--text", "😀"]).ends_with(2);
    assert!(done.stderr.contains("GBK"), "{done:?}");
    let done = run_with(&["sign", "--key", &key], &vec![b'x'; 1024 * 1024 + 1]).ends_with(2);
    assert!(done.stderr.contains("1048576"), "{done:?}");
}

#[test]
fn the_string_of_a_top_request_is_shown() {
    let dir = Dir::new();
    let secret = dir.write("secret.txt", "helloworld\n");
    // The example of the platform's own documentation.
    let params = [
        "method=taobao.item.seller.get",
        "app_key=12345678",
        "session=test",
        "timestamp=2016-01-01 12:00:00",
        "format=json",
        "v=2.0",
        "sign_method=md5",
        "fields=num_iid,title,nick,price,num",
        "num_iid=11223344",
    ];
    let args = [&["sign", "--top", "--secret-file", &secret, "--json"], &params[..]].concat();
    let signed = run(&args).ends_with(0).json().remove(0);
    assert_eq!(signed["md5"], "66987CB115214E59E6EC978214934FB8");
    assert_eq!(
        signed["base_string"],
        "app_key12345678fieldsnum_iid,title,nick,price,numformatjsonmethodtaobao.item.seller.get\
         num_iid11223344sessiontestsign_methodmd5timestamp2016-01-01 12:00:00v2.0"
    );
    for (method, length) in [("md5", 32), ("hmac", 32), ("hmac-sha256", 64)] {
        let request: Vec<String> = params
            .iter()
            .map(|pair| pair.replace("sign_method=md5", &format!("sign_method={method}")))
            .collect();
        let request: Vec<&str> = request.iter().map(String::as_str).collect();
        let options = ["--top", "--secret-file", &secret];
        let done = run(&[&["sign", "--json"], &options[..], &request].concat()).ends_with(0);
        let right = done.json()[0][method].as_str().unwrap().to_owned();
        assert_eq!(right.len(), length);
        let verify = |sign: &str| {
            let sign = format!("sign={sign}");
            run(&[&["verify"], &options[..], &request, &[&sign]].concat())
        };
        verify(&right).ends_with(0);
        verify(&right.replace(&right[..1], "x")).ends_with(1);
        let human = run(&[&["sign"], &options[..], &request].concat()).ends_with(0);
        assert!(human.stdout.contains(&right), "{human:?}");
        says_nothing_of(&human, "helloworld");
    }
    let by_variable = alitv_pay(&["sign", "--top", "a=1"])
        .env("ALITV_PAY_APP_SECRET", "helloworld")
        .output()
        .unwrap();
    assert!(by_variable.status.success());
    let done = run(&["sign", "--top", "a=1"]).ends_with(2);
    assert!(done.stderr.contains("ALITV_PAY_APP_SECRET"), "{done:?}");
    for bad in [&["a"][..], &["=1"], &["a=1", "a=2"]] {
        run(&[&["sign", "--top", "--secret-file", &secret], bad].concat()).ends_with(2);
    }
}

#[test]
fn a_confirm_key_is_what_the_gateway_checks() {
    let dir = Dir::new();
    let secret = dir.write("confirm.txt", "s3cret-of-the-activity\n");
    let args = ["confirm-key", "--app-key=23012345", "--user=u1", "LEVEL_UP"];
    let with_file = [&args[..], &["--secret-file", &secret]].concat();
    let facts = ConfirmFacts {
        app_key: "23012345",
        behavior_key: "",
        event_key: "LEVEL_UP",
        user_id: "u1",
    };
    let right = Secret::new("s3cret-of-the-activity").unwrap();
    let valid = |key: &str, facts: &ConfirmFacts| {
        let made_ms = key.split('.').next().unwrap().parse().unwrap();
        verify_confirm_key(&right, key.trim_end(), facts, made_ms).is_ok()
    };
    let done = run(&with_file).ends_with(0);
    says_nothing_of(&done, "s3cret-of-the-activity");
    assert!(valid(&done.stdout, &facts), "{done:?}");
    let behaved = run(&[&with_file[..], &["--behavior=share", "--json"]].concat()).ends_with(0);
    let key = behaved.json()[0]["confirm_key"].as_str().unwrap().to_owned();
    assert!(!valid(&key, &facts));
    assert!(valid(&key, &ConfirmFacts { behavior_key: "share", ..facts }));
    let by_variable =
        alitv_pay(&args).env("ALITV_PAY_CONFIRM_SECRET", "s3cret-of-the-activity").output();
    assert!(valid(&String::from_utf8(by_variable.unwrap().stdout).unwrap(), &facts));
    assert!(run(&args).ends_with(2).stderr.contains("ALITV_PAY_CONFIRM_SECRET"));
    let nobody = ["confirm-key", "--user=u1", "LEVEL_UP", "--secret-file", &secret];
    assert!(run(&nobody).ends_with(2).stderr.contains("--app-key"));
}
