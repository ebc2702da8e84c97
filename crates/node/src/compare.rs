//! Comparing with the parent, over gRPC.

use std::sync::Arc;

use office::{Above, Verified};
use sync::compare::{RangesAsked, RangesTold, RowsAsked, RowsTold};
use wire::sync as pb;

use crate::error::NodeError;
use crate::greeting::greet;
use crate::node::Node;
use crate::round::{Client, in_time};

/// The parent in an open session.
pub(crate) struct Parent<'c> {
    pub client: &'c mut Client,
    pub session: u64,
    pub address: &'c str,
}

impl Above for Parent<'_> {
    type Error = NodeError;

    async fn ranges(&mut self, asked: &RangesAsked) -> Result<RangesTold, NodeError> {
        let said = pb::RangesAsked::of(self.session, asked);
        let told = in_time(self.address, self.client.compare_ranges(said)).await?;
        self.of_session(told.session)?;
        Ok(told.try_into()?)
    }

    async fn rows(&mut self, asked: &RowsAsked) -> Result<RowsTold, NodeError> {
        let said = pb::RowsAsked::of(self.session, asked);
        let told = in_time(self.address, self.client.compare_rows(said)).await?;
        self.of_session(told.session)?;
        Ok(told.try_into()?)
    }
}

impl Parent<'_> {
    fn of_session(&self, session: u64) -> Result<(), NodeError> {
        if session == self.session { Ok(()) } else { Err(office::OfficeError::SessionEnded.into()) }
    }
}

/// Compares everything with the parent, in a session of its own; no round runs meanwhile.
pub(crate) async fn verify(
    node: &Arc<Node>,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Verified, NodeError> {
    let _one = node.round.lock().await;
    let mut client = node.sync_client()?;
    let greeted = greet(node, &mut client).await?;
    let address = &node.parent_address();
    let mut parent = Parent { client: &mut client, session: greeted.answer.session, address };
    node.office.verify(&greeted.welcome, &mut parent, tell).await
}
