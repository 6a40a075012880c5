//! One mail to one server, as much of SMTP as that takes (RFC 5321, 3207, 4954, 5322).

use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::base::Timestamp;
use crate::hub::capabilities::notifications::channels::{Mail, Security, Settings};
use crate::hub::capabilities::notifications::undelivered::Undelivered;
use crate::platform::outgoing;

/// An answer of a server has no more lines, and no line more bytes.
const MAX_LINES: usize = 100;
const MAX_LINE: u64 = 4096;
/// How we call ourselves: what a server does with it is its own affair.
const OWN_NAME: &str = "roadstead";

/// What is sent.
pub struct Letter<'l> {
    pub subject: &'l str,
    pub text: &'l str,
    /// The same for each attempt, so that a mail that came twice shows once.
    pub id: &'l str,
    pub now: Timestamp,
}

pub async fn send(mail: &Mail, settings: &Settings, password: Option<&[u8]>, letter: &Letter<'_>) -> Result<(), Undelivered> {
    let (host, port, allowed) = (mail.host.as_str(), mail.port, &settings.allowed_networks);
    let root = settings.ca_pem.as_deref();
    match mail.security {
        Security::Tls => {
            let stream = outgoing::connect_tls(host, port, allowed, root).await.map_err(|e| e.words())?;
            let mut talk = Talk::new(stream);
            talk.expect(220).await?;
            talk.hello().await?;
            talk.deliver(mail, password, letter).await
        }
        Security::Starttls => {
            let stream = outgoing::connect(host, port, allowed).await.map_err(|e| e.words())?;
            let mut talk = Talk::new(stream);
            talk.expect(220).await?;
            if !talk.hello().await?.iter().any(|offer| offer == "STARTTLS") {
                return Err("the server offers no STARTTLS, and nothing is sent in clear".into());
            }
            talk.say("STARTTLS", 220).await?;
            let stream = outgoing::secure(talk.end()?, host, root).await.map_err(|e| e.words())?;
            let mut talk = Talk::new(stream);
            talk.hello().await?;
            talk.deliver(mail, password, letter).await
        }
        Security::None => {
            let stream = outgoing::connect(host, port, allowed).await.map_err(|e| e.words())?;
            let mut talk = Talk::new(stream);
            talk.expect(220).await?;
            talk.hello().await?;
            talk.deliver(mail, None, letter).await
        }
    }
}

/// A dialogue: a line, and its answer.
struct Talk<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The stream, unless the server has said something already that would then count as said in private.
    fn end(self) -> Result<S, Undelivered> {
        match self.stream.buffer().is_empty() {
            true => Ok(self.stream.into_inner()),
            false => Err("the server spoke before the connection was private".into()),
        }
    }

    /// What the server offers.
    async fn hello(&mut self) -> Result<Vec<String>, Undelivered> {
        let offers = self.say(&format!("EHLO {OWN_NAME}"), 250).await?;
        Ok(offers.into_iter().map(|offer| offer.trim().to_ascii_uppercase()).collect())
    }

    async fn deliver(&mut self, mail: &Mail, password: Option<&[u8]>, letter: &Letter<'_>) -> Result<(), Undelivered> {
        if let Some(user) = &mail.user {
            let secret = [b"\0", user.as_bytes(), b"\0", password.unwrap_or_default()].concat();
            self.write(&format!("AUTH PLAIN {}\r\n", BASE64.encode(&secret))).await?;
            self.expect(235).await?;
        }
        self.say(&format!("MAIL FROM:<{}>", mail.from), 250).await?;
        for to in &mail.to {
            self.say(&format!("RCPT TO:<{to}>"), 250).await?;
        }
        self.say("DATA", 354).await?;
        self.write(&text_of(mail, letter)).await?;
        self.say(".", 250).await?;
        // It has the mail; how it says good-bye changes nothing.
        let _said = self.say("QUIT", 221).await;
        Ok(())
    }

    async fn say(&mut self, line: &str, wanted: u16) -> Result<Vec<String>, Undelivered> {
        self.write(&format!("{line}\r\n")).await?;
        self.expect(wanted).await
    }

    async fn write(&mut self, text: &str) -> Result<(), Undelivered> {
        let stream = self.stream.get_mut();
        let written = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        written.await.map_err(broken)
    }

    /// The texts of an answer with this code.
    async fn expect(&mut self, wanted: u16) -> Result<Vec<String>, Undelivered> {
        let mut texts = Vec::new();
        for _ in 0..MAX_LINES {
            let mut line = Vec::new();
            let mut limited = (&mut self.stream).take(MAX_LINE);
            let read = limited.read_until(b'\n', &mut line).await;
            read.map_err(broken)?;
            let line = String::from_utf8_lossy(&line);
            let (code, rest) = line.trim_end().split_at_checked(3).ok_or("the server hung up")?;
            let code = code.parse().ok();
            if code != Some(wanted) {
                let shown: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
                return Err(Undelivered::by_mail_server(code, format!("the server answered `{shown}`")));
            }
            texts.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(texts);
            }
        }
        Err("the server's answer has no end".into())
    }
}

fn broken(error: std::io::Error) -> Undelivered {
    format!("the connection broke: {error}").into()
}

/// The whole mail up to the line with the dot. The body is in base64: no line is too long, and none begins with a dot.
fn text_of(mail: &Mail, letter: &Letter<'_>) -> String {
    let at = jiff::Timestamp::from_millisecond(letter.now.millis()).unwrap_or_default();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let mut text = format!(
        "Date: {date}\r\nFrom: <{}>\r\nTo: <{}>\r\nSubject: {}\r\nMessage-ID: <roadstead-{}>\r\nAuto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        mail.from,
        mail.to.join(">, <"),
        encoded_words(letter.subject),
        letter.id,
    );
    let body = BASE64.encode(letter.text.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes());
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(76));
        text.push_str(line);
        text.push_str("\r\n");
        rest = more;
    }
    text
}

/// A header's text: as it is when that is plain, else in pieces of at most 75 characters (RFC 2047), none of which breaks a
/// character.
fn encoded_words(text: &str) -> String {
    const BYTES: usize = 42;
    let is_plain = text.len() <= 900 && text.bytes().all(|b| (b' '..0x7f).contains(&b)) && !text.contains("=?");
    if is_plain {
        return text.to_owned();
    }
    let (mut words, mut piece) = (Vec::new(), String::new());
    for character in text.chars().filter(|c| !c.is_control()).take(300) {
        if piece.len() + character.len_utf8() > BYTES {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(character);
    }
    words.push(piece);
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", BASE64.encode(word.as_bytes())))
        .collect();
    words.join("\r\n ")
}

/// A plain address that needs no quoting and cannot end a line.
pub fn is_address(text: &str) -> bool {
    let is_fine = |part: &str, most: usize| {
        (1..=most).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-+=!#$%&'*/?^`{|}~".contains(&b))
    };
    let host = |part: &str| is_fine(part, 253) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| is_fine(local, 64) && host(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            host: "localhost".into(),
            port: 25,
            security: Security::None,
            user: None,
            from: "hub@example.org".into(),
            to: vec!["a@example.org".into(), "b@example.org".into()],
        }
    }

    #[test]
    fn addresses_are_plain() {
        for fine in ["ops@example.org", "a.b+c@localhost", "o'brien@x.example"] {
            assert!(is_address(fine), "{fine}");
        }
        for wrong in [
            "",
            "ops",
            "@x",
            "a@",
            "a b@x",
            "a@x\r\nRCPT TO:<b@x>",
            "<a@x>",
            "a@x>",
            "é@x",
            "a@b@c d",
        ] {
            assert!(!is_address(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_mail_has_its_headers_and_no_line_of_it_ends_it() {
        let letter = Letter {
            subject: "コマンドが失敗しました: 三台のうち一台、詳しくはリンクを見てください",
            text: ".\r\n..\n日本語\n",
            id: "7@0",
            now: Timestamp::from_millis(1_700_000_000_000),
        };
        let text = text_of(&mail(), &letter);
        assert!(
            text.starts_with("Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nFrom: <hub@example.org>\r\n"),
            "{text}"
        );
        assert!(text.contains("\r\nTo: <a@example.org>, <b@example.org>\r\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 78 && !line.starts_with('.')), "{text}");
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body = BASE64.decode(body.replace("\r\n", "").as_bytes()).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), ".\r\n..\r\n日本語\r\n");
    }

    #[test]
    fn a_subject_reads_back_and_cannot_make_a_header() {
        assert_eq!(encoded_words("web: 3 of 4 failed"), "web: 3 of 4 failed");
        let words = encoded_words("a\r\nBcc: x@y é");
        assert!(
            words.split("\r\n").all(|line| line.trim_start().starts_with("=?UTF-8?B?")),
            "{words}"
        );
        let long = "あ".repeat(60);
        let read: String = encoded_words(&long)
            .split("\r\n ")
            .map(|word| {
                let inner = word.strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
                assert!(word.len() <= 75, "{word}");
                String::from_utf8(BASE64.decode(inner.as_bytes()).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(read, long);
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_quoted() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let server = tokio::spawn(async move {
            let mut lines = BufReader::new(theirs);
            let mut line = String::new();
            lines.read_line(&mut line).await.unwrap();
            lines.get_mut().write_all(b"250-localhost\r\n250 PIPELINING\r\n").await.unwrap();
            line.clear();
            lines.read_line(&mut line).await.unwrap();
            lines.get_mut().write_all(b"550 5.1.0 no \x07such sender\r\n").await.unwrap();
            line
        });
        let mut talk = Talk::new(ours);
        assert_eq!(talk.hello().await.unwrap(), ["LOCALHOST", "PIPELINING"]);
        let letter = Letter {
            subject: "s",
            text: "t",
            id: "1@0",
            now: Timestamp::from_millis(0),
        };
        let refused = talk.deliver(&mail(), None, &letter).await.unwrap_err();
        assert_eq!(
            refused,
            Undelivered::ForGood("the server answered `550 5.1.0 no such sender`".into())
        );
        assert_eq!(server.await.unwrap(), "MAIL FROM:<hub@example.org>\r\n");
    }

    #[tokio::test]
    async fn what_is_said_before_the_connection_is_private_ends_it() {
        for (said, is_clean) in [("220 go\r\n", true), ("220 go\r\n250 injected\r\n", false)] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            theirs.write_all(said.as_bytes()).await.unwrap();
            let mut talk = Talk::new(ours);
            talk.expect(220).await.unwrap();
            assert_eq!(talk.end().is_ok(), is_clean, "{said:?}");
        }
    }
}
