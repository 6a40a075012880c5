//! Frames over the two bodies of an HTTP/2 stream: what both ends read and write with.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::platform::http2::{next_bytes, send_bytes};
use crate::wire::frame::{self, Decoder, FrameError, MAX_ORDER_BYTES, Parcel};
use crate::wire::session::{Frame, FrameReader, MAX_SESSION_FRAME_BYTES, SessionFrameError};

/// Why a stream of frames cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the peer sent what is not part of the protocol")]
    Frame(#[from] FrameError),
    #[error("the peer sent what is not a session frame")]
    Session(#[from] SessionFrameError),
    #[error("the stream was cut")]
    Cut(#[from] h2::Error),
}

/// Reads the messages of a control stream.
pub struct MessageSource<T> {
    body: RecvStream,
    decoder: Decoder,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> MessageSource<T> {
    pub fn new(body: RecvStream) -> Self {
        Self::with(body, Decoder::default())
    }

    /// Of a stream on which orders come.
    pub fn of_orders(body: RecvStream) -> Self {
        Self::with(body, Decoder::up_to(MAX_ORDER_BYTES))
    }

    fn with(body: RecvStream, decoder: Decoder) -> Self {
        Self {
            body,
            decoder,
            of: PhantomData,
        }
    }

    /// The next message; `None` when the peer has ended its side. *Cancel*: nothing is lost.
    pub async fn next(&mut self) -> Result<Option<T>, StreamError> {
        loop {
            if let Some(message) = self.decoder.next()? {
                return Ok(Some(message));
            }
            match next_bytes(&mut self.body).await {
                Some(bytes) => self.decoder.push(&bytes?),
                None => return Ok(None),
            }
        }
    }
}

/// Writes frames: of a control stream, or with [`FrameSink::send_raw`] of a session.
///
/// *Cancel*: a frame whose sending was abandoned half way is finished before the next one, so the stream stays whole.
pub struct FrameSink {
    stream: SendStream<Bytes>,
    pending: Parcel,
}

impl FrameSink {
    pub fn new(stream: SendStream<Bytes>) -> Self {
        Self {
            stream,
            pending: Parcel::default(),
        }
    }

    pub async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), StreamError> {
        let bytes = frame::encode(message)?;
        self.send_encoded(bytes).await
    }

    /// One frame whose length stands in front of it already.
    pub async fn send_encoded(&mut self, frame: impl Into<Parcel>) -> Result<(), StreamError> {
        self.flush().await?;
        self.pending = frame.into();
        self.flush().await
    }

    /// One session frame (kind and payload) without its length.
    pub async fn send_raw(&mut self, frame: &[u8]) -> Result<(), StreamError> {
        if frame.len() > MAX_SESSION_FRAME_BYTES {
            return Err(SessionFrameError::TooLong(frame.len()).into());
        }
        let mut bytes = BytesMut::with_capacity(4 + frame.len());
        bytes.put_u32(frame.len() as u32);
        bytes.extend_from_slice(frame);
        self.send_encoded(bytes.freeze()).await
    }

    pub async fn flush(&mut self) -> Result<(), StreamError> {
        for piece in self.pending.pieces_mut() {
            if !piece.is_empty() {
                send_bytes(&mut self.stream, piece).await?;
            }
        }
        Ok(())
    }

    /// Nothing more follows.
    pub fn end(&mut self) -> Result<(), StreamError> {
        Ok(self.stream.send_data(Bytes::new(), true)?)
    }

    /// Nothing more follows; when a frame is half sent, the other side learns that it was cut.
    pub fn end_or_reset(&mut self) {
        if !self.pending.is_empty() || self.end().is_err() {
            self.stream.send_reset(Reason::CANCEL);
        }
    }
}

/// Reads the frames of a session.
pub struct SessionSource {
    body: RecvStream,
    reader: FrameReader,
}

impl SessionSource {
    pub fn new(body: RecvStream) -> Self {
        Self {
            body,
            reader: FrameReader::default(),
        }
    }

    /// The next frame's kind and payload, not looked into. *Cancel*: nothing is lost.
    pub async fn next_raw(&mut self) -> Option<Result<Bytes, StreamError>> {
        loop {
            match self.reader.next_raw() {
                Ok(Some(frame)) => return Some(Ok(frame)),
                Ok(None) => {}
                Err(e) => return Some(Err(e.into())),
            }
            match next_bytes(&mut self.body).await? {
                Ok(bytes) => self.reader.push(&bytes),
                Err(e) => return Some(Err(e.into())),
            }
        }
    }

    pub async fn next(&mut self) -> Option<Result<Frame, StreamError>> {
        let frame = self.next_raw().await?;
        Some(frame.and_then(|raw| Ok(Frame::decode(raw)?)))
    }
}
