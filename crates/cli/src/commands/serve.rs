//! `shuniu serve`.

use node::Listening;
use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::output::NotWritten;

#[derive(Debug, clap::Args)]
pub struct Serve {}

impl Serve {
    pub async fn run(self, at: &Context) -> anyhow::Result<Exit> {
        let ready = |listening: &Listening| {
            // A node serves on when nobody reads its first line.
            if let Err(error) = announce(at, listening) {
                tracing::warn!(%error, "the line that says ready could not be written");
            }
        };
        node::serve(&at.folder, ready, stop_signal()).await?;
        Ok(Exit::Done)
    }
}

fn announce(at: &Context, listening: &Listening) -> Result<(), NotWritten> {
    let children = listening.children.map(|address| address.to_string());
    at.out.answer(
        || {
            json!({
                "ready": true,
                "children": children,
                "admin": listening.admin.to_string(),
                "base_name": listening.base_name,
            })
        },
        || {
            let children = children
                .as_deref()
                .map_or_else(|| "不接受下级连接".to_owned(), |address| format!("下级连接地址 {address}"));
            format!("“{}”已就绪，{children}，本机管理端口 {}。", listening.base_name, listening.admin)
        },
    )
}

/// Ready when the operator or the service manager asks to stop.
pub async fn stop_signal() {
    let stopped = tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        stopped = terminated() => stopped,
    };
    match stopped {
        Ok(()) => tracing::info!("stopping"),
        Err(error) => tracing::error!(%error, "signals cannot be received; stopping"),
    }
}

#[cfg(unix)]
async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> std::io::Result<()> {
    std::future::pending().await
}
