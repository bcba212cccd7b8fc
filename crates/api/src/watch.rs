//! A live session, as it goes on.

use axum::body::{Body, Bytes};
use custos_model::SessionId;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use crate::admin::Admin;
use crate::error::ApiError;
use crate::peer::Peer;

impl Admin {
    /// The transcript lines of a live session from now on, until it ends. The look is on record first. Whoever reads too
    /// slowly misses lines, and is told how many pieces.
    pub async fn watch_session(&self, peer: &Peer, id: SessionId) -> Result<Body, ApiError> {
        let not_live = || ApiError::NotFound(format!("live session {id}"));
        let lines = self.gateway().watch(id).ok_or_else(not_live)?;
        self.record_live_look(peer, id).await?;
        let pieces = stream::unfold(lines, |mut lines| async move {
            let piece = match lines.recv().await {
                Ok(piece) => piece,
                Err(RecvError::Lagged(missed)) => Bytes::from(format!("{{\"missed\":{missed}}}\n")),
                Err(RecvError::Closed) => return None,
            };
            Some((Ok::<_, std::convert::Infallible>(piece), lines))
        });
        Ok(Body::from_stream(pieces))
    }
}
