//! The network between a node and its parent: one address that stays, which can be cut, slowed, or cut after so many
//! bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Where a node listens at present; nothing while it is down.
pub type Door = Arc<Mutex<Option<SocketAddr>>>;

/// What to do when the link breaks by itself.
type Trap = Box<dyn FnOnce() + Send>;

/// A forwarder of TCP connections on loopback. It lives as long as the process of the test.
#[derive(Clone)]
pub struct Relay {
    address: SocketAddr,
    wire: Arc<Mutex<Wire>>,
}

struct Wire {
    door: Door,
    cut: bool,
    delay: Duration,
    /// Bytes that may still go up before the trap springs.
    left: Option<u64>,
    trap: Option<Trap>,
    up_bytes: u64,
    down_bytes: u64,
    open: Vec<TcpStream>,
}

impl Relay {
    /// A relay to wherever the door is at the moment of each connection.
    pub fn to(door: Door) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Wire {
            door,
            cut: false,
            delay: Duration::ZERO,
            left: None,
            trap: None,
            up_bytes: 0,
            down_bytes: 0,
            open: Vec::new(),
        };
        let wire = Arc::new(Mutex::new(wire));
        let accepting = wire.clone();
        thread::spawn(move || listener.incoming().flatten().for_each(|below| join(&accepting, below)));
        Relay { address, wire }
    }

    /// The address to dial.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts all connections and takes no new ones.
    pub fn cut(&self) {
        let mut wire = lock(&self.wire);
        wire.cut = true;
        hang_up(&mut wire);
    }

    /// Takes connections again, without delay or trap.
    pub fn heal(&self) {
        let mut wire = lock(&self.wire);
        wire.cut = false;
        wire.delay = Duration::ZERO;
        wire.left = None;
        wire.trap = None;
    }

    /// Lets each piece that goes through wait.
    pub fn delay(&self, delay: Duration) {
        lock(&self.wire).delay = delay;
    }

    /// Leads to another node from now on.
    pub fn lead_to(&self, door: Door) {
        lock(&self.wire).door = door;
    }

    /// After `bytes` more bytes upward: cuts, and does something else beside.
    pub fn trap(&self, bytes: u64, then: impl FnOnce() + Send + 'static) {
        let mut wire = lock(&self.wire);
        wire.left = Some(bytes);
        wire.trap = Some(Box::new(then));
    }

    /// Whether the trap has sprung.
    pub fn is_cut(&self) -> bool {
        lock(&self.wire).cut
    }

    /// All bytes that ever went up.
    pub fn up_bytes(&self) -> u64 {
        lock(&self.wire).up_bytes
    }

    /// All bytes that ever came down.
    pub fn down_bytes(&self) -> u64 {
        lock(&self.wire).down_bytes
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hang_up(wire: &mut Wire) {
    for stream in wire.open.drain(..) {
        // One end may have gone already.
        drop(stream.shutdown(Shutdown::Both));
    }
}

fn join(wire: &Arc<Mutex<Wire>>, below: TcpStream) {
    let mut held = lock(wire);
    let target = if held.cut { None } else { *lock(&held.door) };
    let Some(above) = target.and_then(|address| TcpStream::connect(address).ok()) else { return };
    let (Ok(below_too), Ok(above_too)) = (below.try_clone(), above.try_clone()) else { return };
    for stream in [&below, &above] {
        drop(stream.set_nodelay(true));
        held.open.extend(stream.try_clone());
    }
    drop(held);
    let (up, down) = (wire.clone(), wire.clone());
    thread::spawn(move || pump(&up, below, above, true));
    thread::spawn(move || pump(&down, above_too, below_too, false));
}

fn pump(wire: &Mutex<Wire>, mut from: TcpStream, mut to: TcpStream, upward: bool) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        let delay = lock(wire).delay;
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        let (allowed, trap) = if upward { allow(wire, read) } else { (read, None) };
        if !upward {
            lock(wire).down_bytes += read as u64;
        }
        let written = to.write_all(&piece[..allowed]);
        if let Some(trap) = trap {
            trap();
            hang_up(&mut lock(wire));
        }
        if written.is_err() || allowed < read {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

fn allow(wire: &Mutex<Wire>, read: usize) -> (usize, Option<Trap>) {
    let mut wire = lock(wire);
    let allowed = wire.left.map_or(read, |left| read.min(usize::try_from(left).unwrap_or(read)));
    wire.up_bytes += allowed as u64;
    let Some(left) = wire.left.as_mut() else { return (allowed, None) };
    *left -= allowed as u64;
    if *left > 0 {
        return (allowed, None);
    }
    wire.left = None;
    wire.cut = true;
    (allowed, wire.trap.take())
}
