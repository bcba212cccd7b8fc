//! Where the browser comes back to: one request to a port of this machine (RFC 8252 section 7.3).

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PATH: &str = "/callback";
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Browsers open connections that they then do not use.
const CONNECTIONS_MAX: usize = 16;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const PAGE: &str = "\
Custos has got the answer of the sign-in.
You can close this page and go back to the terminal.
";

/// A port that waits for the browser.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// A free port of 127.0.0.1.
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// The query of the first request to the callback, whatever it says. `None` when none comes in time.
    pub(crate) async fn query(self, patience: Duration) -> io::Result<Option<String>> {
        match timeout(patience, self.first()).await {
            Ok(query) => query.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn first(self) -> io::Result<String> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                ended = connections.join_next(), if !connections.is_empty() => {
                    if let Some(Ok(Some(query))) = ended {
                        return Ok(query);
                    }
                }
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    connections.spawn(serve(accepted?.0));
                }
            }
        }
    }
}

/// Reads one request and answers it. The query, where it is for the callback.
async fn serve(mut stream: TcpStream) -> Option<String> {
    let head = timeout(HEAD_TIMEOUT, head(&mut stream)).await.ok()??;
    let query = callback(&head);
    let (status, page) = match query {
        Some(_) => ("200 OK", PAGE),
        None => ("404 Not Found", "There is nothing here.\n"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
         content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // A browser that does not wait for its page has still brought the answer.
    let _ = timeout(HEAD_TIMEOUT, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    query
}

/// Everything up to the empty line.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut part = [0; 2048];
    loop {
        let length = stream.read(&mut part).await.ok()?;
        head.extend_from_slice(part.get(..length)?);
        if head.windows(4).any(|window| window == b"\r\n\r\n") {
            return String::from_utf8(head).ok();
        }
        if length == 0 || head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
}

fn callback(head: &str) -> Option<String> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "GET" || !version.starts_with("HTTP/1.") {
        return None;
    }
    let (path, query) = target.split_once('?')?;
    (path == PATH).then(|| query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    async fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn the_first_callback_counts_and_other_requests_do_not() {
        let loopback = Loopback::bind().await.unwrap();
        let port = loopback.port;
        assert_eq!(
            loopback.redirect_uri(),
            format!("http://127.0.0.1:{port}/callback")
        );
        let browser = async {
            // Opened ahead and never used.
            let _idle = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .unwrap();
            for other in [
                "GET /favicon.ico HTTP/1.1\r\n\r\n",
                "GET /callback HTTP/1.1\r\n\r\n",
                "POST /callback?code=x HTTP/1.1\r\n\r\n",
                "GET /callback/../x?code=x HTTP/1.1\r\n\r\n",
            ] {
                assert!(
                    ask(port, other).await.starts_with("HTTP/1.1 404"),
                    "{other}"
                );
            }
            assert_eq!(ask(port, &"x".repeat(HEAD_BYTES_MAX + 4096)).await, "");
            ask(
                port,
                "GET /callback?code=a&state=b HTTP/1.1\r\nhost: x\r\n\r\n",
            )
            .await
        };
        let (query, page) = tokio::join!(loopback.query(PATIENCE), browser);
        assert_eq!(query.unwrap().as_deref(), Some("code=a&state=b"));
        assert!(
            page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with(PAGE),
            "{page}"
        );
        assert!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err(),
            "closed after one"
        );
    }

    #[tokio::test]
    async fn patience_has_an_end() {
        let loopback = Loopback::bind().await.unwrap();
        let query = loopback.query(Duration::from_millis(20)).await.unwrap();
        assert_eq!(query, None);
    }
}
