//! Asking name servers: one after the other, both kinds of address side by side, by datagram and where that is too short by TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::config::Config;
use super::message::{self, Answer, Kind, Verdict};

/// A server that was not told otherwise sends no longer datagram.
const MAX_DATAGRAM: usize = 512;

/// Why there is no address.
#[derive(Debug, PartialEq, Eq)]
pub enum NotFound {
    /// The servers know no address of it.
    Unknown,
    /// No server could say.
    Unanswered,
    /// Nothing that a name server could be asked for.
    NoName,
}

/// The addresses of `host`, IPv4 first.
pub async fn lookup(config: &Config, host: &str) -> Result<Vec<IpAddr>, NotFound> {
    let mut worst = NotFound::Unknown;
    for name in config.candidates(host) {
        match of_name(config, &name).await {
            Ok(found) => return Ok(found),
            Err(NotFound::Unknown) => {}
            Err(other) => worst = other,
        }
    }
    Err(worst)
}

async fn of_name(config: &Config, name: &str) -> Result<Vec<IpAddr>, NotFound> {
    for server in (0..config.attempts).flat_map(|_| &config.servers) {
        let (v4, v6) = tokio::join!(ask(config, *server, name, Kind::V4), ask(config, *server, name, Kind::V6));
        let found: Vec<IpAddr> = [&v4, &v6]
            .into_iter()
            .flatten()
            .flatten()
            .flat_map(|a| a.addresses.clone())
            .collect();
        match (found.is_empty(), v4?, v6?) {
            // Half an answer is one: some servers never answer for the other kind.
            (false, _, _) => return Ok(found),
            (true, Some(_), Some(_)) => return Err(NotFound::Unknown),
            _ => {}
        }
    }
    Err(NotFound::Unanswered)
}

/// One server's word; `None` when it has none.
async fn ask(config: &Config, server: SocketAddr, name: &str, kind: Kind) -> Result<Option<Answer>, NotFound> {
    let question = message::question(random_id(), name, kind).ok_or(NotFound::NoName)?;
    let answering = async {
        let answer = by_datagram(server, &question).await?;
        match answer.is_cut {
            true => by_stream(server, &question).await,
            false => Ok(answer),
        }
    };
    let answer = timeout(config.timeout, answering).await;
    Ok(answer.ok().and_then(Result::ok).filter(|answer| answer.verdict != Verdict::Failed))
}

/// From a port of its own, which with the number makes an answer hard to guess; who trusts it anyway checks a key.
async fn by_datagram(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut bytes = [0; MAX_DATAGRAM];
    loop {
        let length = socket.recv(&mut bytes).await?;
        // What answers something else is not ours; the right one may still come.
        if let Some(answer) = message::answer(question, &bytes[..length]) {
            return Ok(answer);
        }
    }
}

async fn by_stream(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut bytes).await?;
    message::answer(question, &bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn random_id() -> u16 {
    let mut bytes = [0; 2];
    aws_lc_rs::rand::fill(&mut bytes).expect("the kernel's random source does not fail once seeded");
    u16::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    /// What a server of the tests says to a question: flags, and the content of one address record.
    type Word = fn(kind: u8) -> Option<([u8; 2], Vec<u8>)>;

    fn answered(question: &[u8], (flags, content): ([u8; 2], Vec<u8>)) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2..4].copy_from_slice(&flags);
        if !content.is_empty() {
            message[7] = 1;
            let kind = question[question.len() - 3];
            message.extend_from_slice(&[0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 9, 0, content.len() as u8]);
            message.extend(content);
        }
        message
    }

    fn kind(question: &[u8]) -> u8 {
        question[question.len() - 3]
    }

    async fn server(word: Word, by_tcp: Word) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                if let Some(said) = word(kind(&bytes[..length])) {
                    socket.send_to(b"noise", from).await.unwrap();
                    socket.send_to(&answered(&bytes[..length], said), from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
                stream.read_exact(&mut question).await.unwrap();
                let said = answered(&question, by_tcp(kind(&question)).unwrap());
                stream.write_u16(said.len() as u16).await.unwrap();
                stream.write_all(&said).await.unwrap();
            }
        });
        address
    }

    async fn found(servers: Vec<SocketAddr>) -> Result<Vec<String>, NotFound> {
        let mut config = Config::parse("options attempts:1");
        (config.servers, config.timeout) = (servers, Duration::from_millis(500));
        let found = lookup(&config, "hub.example").await?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    const NONE: Word = |_| None;
    const BOTH: Word = |kind| {
        Some(match kind {
            1 => ([0x80, 0], vec![192, 0, 2, 1]),
            _ => ([0x80, 0], [vec![0x20, 1], vec![0; 14]].concat()),
        })
    };

    #[tokio::test]
    async fn both_kinds_are_found_and_noise_is_passed_over() {
        assert_eq!(found(vec![server(BOTH, NONE).await]).await.unwrap(), ["192.0.2.1", "2001::"]);
    }

    #[tokio::test]
    async fn a_server_that_fails_or_is_silent_gives_way_to_the_next() {
        let failing = server(|_| Some(([0x80, 5], vec![])), NONE).await;
        let good = server(BOTH, NONE).await;
        for bad in [failing, server(NONE, NONE).await] {
            assert_eq!(found(vec![bad, good]).await.unwrap().len(), 2);
            assert_eq!(found(vec![bad]).await.unwrap_err(), NotFound::Unanswered);
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_taken_and_an_empty_one_is_final() {
        let half = server(|kind| (kind == 1).then(|| ([0x80, 0], vec![192, 0, 2, 1])), NONE).await;
        assert_eq!(found(vec![half]).await.unwrap(), ["192.0.2.1"]);
        let empty = server(|kind| Some(([0x80, if kind == 1 { 3 } else { 0 }], vec![])), NONE).await;
        assert_eq!(found(vec![empty, server(BOTH, NONE).await]).await.unwrap_err(), NotFound::Unknown);
    }

    #[tokio::test]
    async fn what_does_not_fit_into_a_datagram_comes_by_tcp() {
        let cut = server(|_| Some(([0x82, 0], vec![])), BOTH).await;
        assert_eq!(found(vec![cut]).await.unwrap(), ["192.0.2.1", "2001::"]);
    }
}
