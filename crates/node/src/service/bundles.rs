//! Files that are carried by hand, in and out of the node.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use wire::bundle::bundles_server::Bundles;
use wire::bundle::{ExportEvent, ExportRequest, ImportChunk, ImportEvent, export_event, import_event};
use wire::{BUNDLE_BYTES_MAX, FileError};

use crate::bundle::{self, BundleError, Imported};
use crate::error::node_status;
use crate::node::Node;

pub(crate) struct Desk(pub Arc<Node>);

/// Bytes of a file in one message.
const PIECE_BYTES: usize = 1024 * 1024;
/// Pieces waiting for a slow reader.
const PIECES: usize = 4;

type Events<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl Bundles for Desk {
    type ExportStream = Events<ExportEvent>;
    type ImportStream = Events<ImportEvent>;

    async fn export(&self, _: Request<ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let (report, file) = bundle::export(&self.0).await.map_err(node_status)?;
        let data = |piece| ExportEvent { event: Some(export_event::Event::Data(piece)) };
        let done = ExportEvent { event: Some(export_event::Event::Done(report)) };
        Ok(Response::new(in_pieces(file, data, done)))
    }

    async fn import(
        &self,
        request: Request<Streaming<ImportChunk>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let file = gather(request.into_inner()).await?;
        let (last, receipt) = match bundle::import(&self.0, &file).await.map_err(node_status)? {
            Imported::Bundle(report, receipt) => (import_event::Event::Bundle(report), receipt),
            Imported::Receipt(report) => (import_event::Event::Receipt(report), Vec::new()),
        };
        let data = |piece| ImportEvent { event: Some(import_event::Event::Data(piece)) };
        Ok(Response::new(in_pieces(receipt, data, ImportEvent { event: Some(last) })))
    }
}

async fn gather(mut chunks: Streaming<ImportChunk>) -> Result<Vec<u8>, Status> {
    let mut file = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        file.extend_from_slice(&chunk.data);
        if file.len() > BUNDLE_BYTES_MAX {
            return Err(node_status(BundleError::File(FileError::TooLarge).into()));
        }
    }
    Ok(file)
}

/// A file in pieces, then the report.
fn in_pieces<T: Send + 'static>(file: Vec<u8>, data: fn(Vec<u8>) -> T, last: T) -> Events<T> {
    let (pieces, stream) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let whole = file.chunks(PIECE_BYTES).map(|piece| data(piece.to_vec())).chain([last]);
        for piece in whole {
            if pieces.send(Ok(piece)).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(stream)
}
