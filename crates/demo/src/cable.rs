//! A cable that can be cut: a TCP forwarder between a node and the one above it.

use std::io;
use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections while it is whole; a cut ends them all and takes no new ones.
pub(crate) struct Cable {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Cable {
    /// Lays a cable to an address of this machine.
    pub async fn lay(to: SocketAddr) -> io::Result<Cable> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (whole, state) = watch::channel(true);
        let task = tokio::spawn(accept(listener, to, state));
        Ok(Cable { address, whole, task })
    }

    /// The end at which a node dials.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub fn heal(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, state: watch::Receiver<bool>) {
    loop {
        let Ok((near, _)) = listener.accept().await else { continue };
        // A connection that meets a cut cable is dropped at once.
        if *state.borrow() {
            tokio::spawn(forward(near, to, state.clone()));
        }
    }
}

async fn forward(mut near: TcpStream, to: SocketAddr, mut state: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(to).await else { return };
    // Either way the connection is over: both ends learn it from the streams being dropped.
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = state.wait_for(|whole| !whole) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn echoes(address: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect(address).await else { return false };
        let mut byte = [0];
        stream.write_all(b"x").await.is_ok() && stream.read_exact(&mut byte).await.is_ok()
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_a_repair_lets_new_ones_through() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cable = Cable::lay(listener.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        assert!(echoes(cable.address()).await);
        let mut open = TcpStream::connect(cable.address()).await.unwrap();
        open.write_all(b"x").await.unwrap();
        let mut byte = [0];
        open.read_exact(&mut byte).await.unwrap();
        cable.cut();
        assert_eq!(open.read(&mut byte).await.unwrap_or(0), 0, "an open connection ends");
        assert!(!echoes(cable.address()).await);
        cable.heal();
        assert!(echoes(cable.address()).await);
    }
}
