//! Plain editing gives what bash's own line editor makes of the same keys.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use custos_typing::Typing;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// Reads lines of keys in hexadecimal, types each to bash on a terminal, and writes what bash read in hexadecimal.
const BRIDGE: &str = r#"
import os, pty, sys
child, master = pty.fork()
if child == 0:
    os.environ.update(TERM='dumb', LC_ALL='C.UTF-8', INPUTRC='/dev/null')
    os.execvp('bash', ['bash', '--norc', '-c', '''
        bind 'set enable-bracketed-paste off' 2>/dev/null
        while IFS= read -r -e -p '<ready>' line; do printf '<%s>' "$(printf %s "$line" | od -An -tx1 | tr -d ' \\n')"; done'''])
seen = b''
def until(mark):
    global seen
    while mark not in seen:
        data = os.read(master, 65536)
        seen += data
    before, _, seen = seen.partition(mark)
    return before
for keys in sys.stdin:
    until(b'<ready>')
    os.write(master, bytes.fromhex(keys) + b'\n')
    until(b'\n')
    until(b'<')
    print(until(b'>').decode(), flush=True)
"#;

fn keys() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        8 => "[a-z0-9/._=-]".prop_map(String::into_bytes),
        2 => Just(b" ".to_vec()),
        1 => "[äß€漢]".prop_map(String::into_bytes),
        2 => Just(vec![0x7f]),
        1 => Just(vec![0x08]),
        1 => Just(vec![0x17]),
        1 => Just(vec![0x15]),
    ];
    proptest::collection::vec(key, 0..30).prop_map(|keys| keys.concat())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text can be written");
    }
    text
}

#[test]
fn plain_editing_is_that_of_bash() {
    let mut runner = TestRunner::deterministic();
    let all: Vec<Vec<u8>> = (0..300)
        .map(|_| keys().new_tree(&mut runner).expect("keys").current())
        .collect();
    let mut bridge = Command::new("python3")
        .args(["-c", BRIDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let lines: Vec<String> = all.iter().map(|keys| hex(keys)).collect();
    let mut stdin = bridge.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        stdin
            .write_all((lines.join("\n") + "\n").as_bytes())
            .expect("it reads");
    });
    let output = bridge.wait_with_output().expect("it ends");
    writer.join().expect("it was written");
    let read = String::from_utf8(output.stdout).expect("text");
    let read: Vec<&str> = read.split('\n').collect();
    assert_eq!(read.len(), all.len() + 1);
    for (keys, read) in all.iter().zip(read) {
        let mut typing = Typing::new(80, 24);
        assert_eq!(typing.keys(keys), keys.len());
        let typed = typing.line().typed.text;
        let shown = String::from_utf8_lossy(keys);
        assert_eq!(hex(typed.as_bytes()), read, "{shown:?}: {typed:?}");
    }
}
