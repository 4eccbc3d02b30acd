//! What is kept of an output, in memory and on disk, however much it is.

use super::{Bench, SECRET};

#[tokio::test]
async fn a_huge_output_is_bounded_and_its_end_is_kept() {
    let bench = Bench::new();
    let program = r#"["sh", "-c", "echo first; head -c 200M /dev/zero; echo last"]"#;
    let masked = "output_limit = '1KiB'\nenvironment.TOKEN = { env = 'TOKEN' }";

    let end = bench.run(&format!("argv = {program}\n{masked}"), &[]).await;

    assert!(end.succeeded(), "{}", end.summary());
    assert!(end.output.head.starts_with("first\n"));
    assert!(end.output.tail.ends_with("last\n"));
    assert_eq!(end.output.left_out, (200 << 20) + 11 - 1024);
    let path = end.output.path.expect("it is written to disk");
    assert!(std::fs::metadata(path).expect("it is there").len() < 8 << 10);
}

#[tokio::test]
async fn secrets_are_masked_in_the_text_and_on_disk() {
    let bench = Bench::new();
    let config = r#"
        argv = ["sh", "-c", 'printf %s "${{TOKEN%?????}}"; sleep 0.2; echo "${{TOKEN#???????}}"; env | grep TOKEN']
        environment.TOKEN = { env = 'TOKEN' }
    "#;

    let end = bench.run(config, &[]).await;

    assert_eq!(end.output.text(), "***\nTOKEN=***\n");
    let file =
        std::fs::read_to_string(end.output.path.expect("it is written")).expect("it is there");
    assert!(!file.contains(SECRET), "{file}");
}
