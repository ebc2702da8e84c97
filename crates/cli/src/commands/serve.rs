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
        let stop = stop_signal();
        node::serve(&at.folder, ready, stop).await?;
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

/// Ready when the operator or the service manager asks to stop. What they send counts from this call on, not from when
/// the future is first polled: a server that says it is ready can be stopped in the same moment.
pub fn stop_signal() -> impl Future<Output = ()> {
    let signals = Signals::hear();
    async move {
        match signals {
            Ok(mut signals) => {
                signals.wait().await;
                tracing::info!("stopping");
            }
            Err(error) => tracing::error!(%error, "signals cannot be received; stopping"),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn hear() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn hear() -> std::io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn wait(&mut self) {
        self.0.recv().await;
    }
}
