//! The line on which a round's push goes up and its answers come back: a call of its own, or what follows the first
//! words of a call that opened the session.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};
use wire::sync::{Hello, PullBatch, PushAck, PushBatch, RoundDown, RoundUp, Welcome};

use crate::error::NodeError;
use crate::round::{Client, WINDOW, in_time, silent};

/// What a parent sends, one by one; `None` at the end.
pub(crate) trait Answers {
    type Answer: Send;

    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Answer>, Status>> + Send;
}

impl Answers for Streaming<PullBatch> {
    type Answer = PullBatch;

    async fn next(&mut self) -> Result<Option<PullBatch>, Status> {
        self.message().await
    }
}

/// A push under way.
pub(crate) struct Line {
    /// Let go with the last batch, so that the end of the stream goes along with it.
    batches: Option<mpsc::Sender<PushBatch>>,
    acks: Acks,
}

type Opening = Pin<Box<dyn Future<Output = Result<Response<Streaming<PushAck>>, Status>> + Send>>;

enum Acks {
    /// A call that begins when the first answer is waited for: its head then goes along with the first batch.
    Opening(Opening),
    OfPush(Streaming<PushAck>),
    OfRound {
        words: Streaming<RoundDown>,
        session: u64,
        timeline: u64,
    },
}

impl Line {
    /// For a session that was opened before.
    pub(crate) fn of_push(client: &Client) -> Line {
        let (batches, stream) = mpsc::channel(WINDOW);
        let mut client = client.clone();
        let opening = async move { client.push(ReceiverStream::new(stream)).await };
        Line { batches: Some(batches), acks: Acks::Opening(Box::pin(opening)) }
    }

    /// Opens a session with the first word, and answers the parent's.
    pub(crate) async fn of_round(
        client: &mut Client,
        address: &str,
        hello: Hello,
    ) -> Result<(Welcome, Line), NodeError> {
        let (batches, stream) = mpsc::channel(WINDOW);
        let said = tokio_stream::once(RoundUp::hello(hello));
        let said = said.chain(ReceiverStream::new(stream).map(RoundUp::batch));
        let opened = async {
            let mut words = client.round(said).await?.into_inner();
            let first = words.message().await?;
            Ok(Response::new((first, words)))
        };
        let (first, words) = in_time(address, opened).await?;
        let welcome = first.unwrap_or_default().into_welcome()?;
        let (session, timeline) = (welcome.session, welcome.position.unwrap_or_default().timeline);
        let acks = Acks::OfRound { words, session, timeline };
        Ok((welcome, Line { batches: Some(batches), acks }))
    }

    /// Sends a batch; the last one ends the stream.
    pub(crate) async fn send(&mut self, batch: PushBatch, address: &str) -> Result<(), NodeError> {
        let last = batch.last;
        let Some(batches) = &self.batches else { return Err(silent(address)) };
        batches.send(batch).await.map_err(|_| silent(address))?;
        if last {
            self.batches = None;
        }
        Ok(())
    }
}

impl Answers for Line {
    type Answer = PushAck;

    async fn next(&mut self) -> Result<Option<PushAck>, Status> {
        loop {
            match &mut self.acks {
                Acks::Opening(opening) => self.acks = Acks::OfPush(opening.await?.into_inner()),
                Acks::OfPush(acks) => return acks.message().await,
                Acks::OfRound { words, session, timeline } => {
                    let Some(word) = words.message().await? else { return Ok(None) };
                    let ack = word.into_ack(*session, *timeline);
                    return ack.map(Some).map_err(|invalid| Status::internal(invalid.to_string()));
                }
            }
        }
    }
}
