//! What stands before a provider and lets it fail in the way that a test wants.

use std::io::{Read as _, Write as _, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use custos_testkit::PATIENCE;

/// An address on loopback. Passes requests on, or answers them itself. One thread for each connection, so that a slow
/// answer holds up nobody else.
pub(crate) struct Front {
    port: u16,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    behind: AtomicU16,
    asked: AtomicU32,
    /// All that was passed on from behind it.
    answers: Mutex<Vec<u8>>,
    behaviour: Mutex<Behaviour>,
}

/// How it fails.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// Connections are closed without an answer.
    pub(crate) down: bool,
    /// In place of the key set.
    pub(crate) keys: Option<Answer>,
    /// In place of the discovery document.
    pub(crate) discovery: Option<Answer>,
}

/// An answer of its own.
#[derive(Clone)]
pub(crate) enum Answer {
    /// JSON, or what is said to be.
    Text(String),
    /// One byte after the other, for longer than anybody waits.
    Drip,
}

impl Front {
    /// On this port, or a free one.
    pub(crate) fn start(port: Option<u16>) -> Self {
        let address = ("127.0.0.1", port.unwrap_or_default());
        let listener = TcpListener::bind(address).expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.over.load(Ordering::Acquire) {
                    break;
                }
                shared.asked.fetch_add(1, Ordering::Release);
                let state = Arc::clone(&shared);
                if let Ok(connection) = connection {
                    std::thread::spawn(move || state.serve(connection));
                }
            }
        });
        Self {
            port,
            state,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What is behind it, from now on.
    pub(crate) fn lead_to(&self, port: u16) {
        self.state.behind.store(port, Ordering::Release);
    }

    /// What it does, from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().expect("no holder panics") = behaviour;
    }

    /// How many connections came.
    pub(crate) fn asked(&self) -> u32 {
        self.state.asked.load(Ordering::Acquire)
    }

    /// All that was passed on from what is behind it.
    pub(crate) fn answers(&self) -> String {
        let answers = self.state.answers.lock().expect("no holder panics");
        String::from_utf8_lossy(&answers).into_owned()
    }

    pub(crate) fn go_down(&self) {
        self.behave(Behaviour {
            down: true,
            ..Behaviour::default()
        });
    }

    pub(crate) fn answer_keys(&self, answer: Answer) {
        self.behave(Behaviour {
            keys: Some(answer),
            ..Behaviour::default()
        });
    }
}

impl State {
    fn serve(&self, mut client: TcpStream) {
        let _ = client.set_read_timeout(Some(PATIENCE));
        let Some(head) = read_head(&mut client) else {
            return;
        };
        let behaviour = self.behaviour.lock().expect("no holder panics").clone();
        let path = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        let own = match path {
            b"/keys" => &behaviour.keys,
            b"/.well-known/openid-configuration" => &behaviour.discovery,
            _ => &None,
        };
        match own {
            _ if behaviour.down => {}
            Some(Answer::Text(text)) => answer(&mut client, text),
            Some(Answer::Drip) => self.drip(&mut client),
            None => self.pass_on(client, &head),
        }
    }

    fn pass_on(&self, mut client: TcpStream, head: &[u8]) {
        let port = self.behind.load(Ordering::Acquire);
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)) else {
            return;
        };
        let (Ok(mut client_in), Ok(mut server_out)) = (client.try_clone(), server.try_clone())
        else {
            return;
        };
        if server_out.write_all(head).is_err() {
            return;
        }
        std::thread::spawn(move || {
            let _ = copy(&mut client_in, &mut server_out);
        });
        let mut part = [0; 16384];
        while let Ok(length @ 1..) = server.read(&mut part) {
            self.answers
                .lock()
                .expect("no holder panics")
                .extend_from_slice(&part[..length]);
            if client.write_all(&part[..length]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    }

    /// The pace of the attack, not a wait for anything.
    fn drip(&self, client: &mut TcpStream) {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
        let mut sent = client.write_all(head.as_bytes());
        while sent.is_ok() && !self.over.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(100));
            sent = client.write_all(b" ");
        }
    }
}

/// Everything that comes up to the empty line, and what came with it.
fn read_head(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = client.read(&mut part).ok().filter(|&length| length > 0)?;
        head.extend_from_slice(&part[..length]);
    }
    Some(head)
}

fn answer(client: &mut TcpStream, text: &str) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let length = text.len();
    let whole = format!("{head}content-length: {length}\r\n\r\n{text}");
    let _ = client.write_all(whole.as_bytes());
}

impl Drop for Front {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Release);
        // Wakes the thread out of accept.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
