//! The seed of the sandbox: printed, edited, read back.

use alitv_pay::sandbox::Seed;

use crate::cli::run::run;

#[test]
fn the_printed_seed_is_one_that_can_be_read() {
    let printed = run(&["sandbox", "--print-seed"]).ends_with(0).stdout;
    assert_eq!(printed.trim_end(), Seed::DEFAULT.trim_end());
    assert!(Seed::parse(&printed).unwrap() == Seed::default());
}

#[test]
fn a_bad_seed_file_stops_the_start_and_names_the_member() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seed.toml");
    let text = Seed::DEFAULT.replacen("points = 500", "points = -500", 1);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let done = run(&["sandbox", "--port", "0", "--seed-file", path]);
    assert_ne!(done.exit, 0);
    for word in ["seed.toml", "users[0].points", "--print-seed"] {
        assert!(done.stderr.contains(word), "{word}: {done:?}");
    }
    let missing = run(&["sandbox", "--port", "0", "--seed-file", "/no/such/seed.toml"]);
    assert!(missing.exit != 0 && missing.stderr.contains("seed.toml"), "{missing:?}");
}
