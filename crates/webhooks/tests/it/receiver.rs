//! A receiver of webhooks that answers what a test wants, and tells what it got.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    head: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    got: mpsc::Receiver<Got>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers the first request with the first text, and so on; the last one again and again. An empty text is no
    /// answer at all: the connection stays open.
    pub(crate) async fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, got) = mpsc::channel(64);
        let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut answers = answers.into_iter().peekable();
            let mut last = String::new();
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(next) = answers.next() {
                    last = next;
                }
                // A sender that gives up breaks the conversation, which is what some tests want.
                let _ = converse(stream, &last, &sender).await;
            }
        });
        Self {
            port,
            got,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook/canary-path", self.port)
    }

    pub(crate) async fn next(&mut self) -> Got {
        self.got.recv().await.unwrap()
    }

    /// Whether nothing came that was not asked for with `next`.
    pub(crate) fn got_no_more(&mut self) -> bool {
        self.got.try_recv().is_err()
    }
}

/// An answer without a body.
pub(crate) fn status(code: u16, headers: &str) -> String {
    format!("HTTP/1.1 {code} X\r\n{headers}content-length: 0\r\n\r\n")
}

async fn converse(
    mut stream: TcpStream,
    answer: &str,
    sender: &mpsc::Sender<Got>,
) -> io::Result<()> {
    let got = read_request(&mut stream).await?;
    let _ = sender.send(got).await;
    if answer.is_empty() {
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes).await? > 0 {}
        return Ok(());
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Got> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let got = Got {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length = got.header("content-length").unwrap().parse().unwrap();
            if body.len() >= length {
                return Ok(got);
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
