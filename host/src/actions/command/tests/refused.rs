//! Configurations of commands that cannot work, and what is said of them.

use super::build;

/// Each configuration is an error of the command that holds the text beside it.
fn refused(rows: &[(&str, &str)]) {
    for (text, part) in rows {
        let error = build(&format!("[deploy-site]\n{text}"))
            .expect_err(text)
            .to_string();
        assert!(error.starts_with("command `deploy-site`: "), "{error}");
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_an_error_that_says_what_to_do() {
    refused(&[
        ("argv = []", "`argv` is empty"),
        ("argv = ['']", "`argv` is empty"),
        (
            "argv = ['{p}']\nparameters.p = { pattern = 'a' }",
            "only arguments may",
        ),
        (
            "argv = ['x', '{p}']",
            "add `parameters.p = { pattern = \"…\" }`",
        ),
        (
            "argv = ['x']\nconcurrency.key = '{p}'",
            "add `parameters.p = { pattern = \"…\" }`",
        ),
        (
            "argv = ['x']\nparameters.p = { pattern = 'a' }",
            "its parameter `p` is never used",
        ),
        (
            "argv = ['x', '{p}']\nparameters.p = {}",
            "its parameter `p`: it needs exactly one of",
        ),
        (
            "argv = ['x', '{p}']\nparameters.p = { pattern = '(' }",
            "is not a regular expression",
        ),
        ("argv = ['x', '{']", "{{ or }}"),
        ("argv = ['x', \"a\\u0000b\"]", "`argv` holds a NUL byte"),
        (
            "argv = ['x']\ncwd = '/nonexistent'",
            "`/nonexistent` does not exist",
        ),
        (
            "argv = ['x']\ncwd = 'passwd'",
            "`/etc/passwd` does not exist or is no folder",
        ),
        (
            "argv = ['x']\nuser = 'no such user'",
            "`no such user` is not in /etc/passwd",
        ),
        (
            "argv = ['x']\nenvironment.HOOKBOX_RULE = 'x'",
            "`HOOKBOX_RULE` cannot be a variable",
        ),
        (
            "argv = ['x']\nenvironment.'A=B' = 'x'",
            "`A=B` cannot be a variable",
        ),
        (
            "argv = ['x']\nenvironment.A = \"a\\u0000\"",
            "`environment.A` holds a NUL byte",
        ),
        (
            "argv = ['x']\nenvironment.A = { env = 'UNKNOWN' }",
            "its variable `A`: the secret",
        ),
    ]);
}

#[test]
fn a_number_or_a_name_that_cannot_be_is_an_error() {
    refused(&[
        (
            "argv = ['x']\ngroup = 'no such group'",
            "`no such group` is not in /etc/group",
        ),
        (
            "argv = ['x']\nlimits = { cpu = '5m', open_files = 0 }",
            "`limits.open_files` is zero",
        ),
        (
            "argv = ['x']\ngrace = '61s'",
            "`grace` is 61s, and may be 1m at most",
        ),
        ("argv = ['x']\nnice = 20", "`nice` is 20, and goes from 0"),
        (
            "argv = ['x']\noutput_limit = '65MiB'",
            "`output_limit` is 65MiB, and may be 64MiB at most",
        ),
        (
            "argv = ['x']\nconcurrency.group = 'Sites'",
            "`concurrency.group`: the name `Sites` is not allowed",
        ),
    ]);
}

#[test]
fn a_git_update_that_cannot_work_is_an_error_that_says_what_to_do() {
    let rows = [
        ("path = '/nonexistent'", "`/nonexistent` does not exist"),
        (
            "path = '.'\nremote = '-x'",
            "`remote` is `-x`, which is no name of a remote",
        ),
        ("path = '.'\nthen = []", "`then` is empty"),
        (
            "path = '.'\nthen = ['{p}']\nparameters.p = { pattern = 'a' }",
            "the program `{p}`, the first of `then`, has a placeholder",
        ),
        (
            "path = '.'\nthen = ['x', '{p}']",
            "add `parameters.p = { pattern = \"…\" }`",
        ),
        (
            "path = '.'\nparameters.p = { pattern = 'a' }",
            "is never used; write `{p}` in `branch`",
        ),
        (
            "path = '.'\nparameters.commit = { pattern = 'a' }",
            "remove `parameters.commit`",
        ),
        (
            "path = '.'\nconcurrency.key = 'x'",
            "`concurrency.key` does not apply to a git-update",
        ),
        (
            "path = '.'\nconcurrency.group = 'x'",
            "`concurrency.group` does not apply to a git-update",
        ),
        ("path = '.'\nstdin = 'event'", "and there is none"),
    ];
    for (text, part) in rows {
        refused(&[(
            &format!("kind = 'git-update'\nbranch = 'main'\n{text}"),
            part,
        )]);
    }
    for branch in ["", "-x"] {
        let text = format!("kind = 'git-update'\npath = '.'\nbranch = '{branch}'");
        refused(&[(&text, "which is no name of a branch")]);
    }
}
