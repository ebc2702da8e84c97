//! Nodes as processes of their own, and the tree that they form.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::program::{Answer, Folder};
use crate::relay::{Door, Relay};
use crate::wait::{DEADLINE, until};

/// A federation in a folder that goes away with it.
pub struct Federation {
    dir: TempDir,
}

impl Default for Federation {
    fn default() -> Self {
        Self::new()
    }
}

impl Federation {
    /// An empty one.
    pub fn new() -> Federation {
        Federation { dir: tempfile::tempdir().unwrap() }
    }

    /// A path for a file of the test.
    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Makes the root, and serves it.
    pub fn root(&self, name: &str, code: &str) -> Node {
        self.root_in(self.dir.path().join(code).as_path(), name, code)
    }

    /// Makes the root in a folder, and serves it.
    pub fn root_in(&self, folder: &Path, name: &str, code: &str) -> Node {
        let node = Node::new(folder, name, code, None);
        node.configure("");
        let division = division(code);
        let made = node.folder.ok(&[
            "init",
            "--federation",
            "试验联邦",
            "--name",
            name,
            "--code",
            code,
            "--jurisdiction",
            &division,
        ]);
        let node = Node { base: made["base"].as_str().unwrap().to_owned(), ..node };
        node.serve();
        node
    }

    /// Writes bases into the registry of the root: code, name, rung, code of the base above.
    pub fn register(&self, root: &Node, bases: &[[&str; 4]]) {
        for [code, name, rung, parent] in bases {
            let fields = [
                format!("code={code}"),
                format!("name={name}"),
                format!("rung={rung}"),
                format!("parent={parent}"),
                "standing=active".into(),
                format!("jurisdiction={}", division(code)),
            ];
            let mut args = vec!["put", "base"];
            args.extend(fields.iter().map(String::as_str));
            root.folder.ok(&args);
        }
    }

    /// Lets a registered base join beneath a node that is being served. It is not served itself yet.
    pub fn join(&self, parent: &Node, name: &str, code: &str) -> Node {
        let node = Node::new(&self.dir.path().join(code), name, code, Some(Relay::to(parent.door.clone())));
        let invite = self.invite(parent, &node, code);
        node.configure(&node.up().address());
        let joined = node.folder.ok(&["join", &invite]);
        Node { base: joined["base"].as_str().unwrap().to_owned(), ..node }
    }

    /// An invite for a node that will dial through its relay.
    pub fn invite(&self, parent: &Node, child: &Node, code: &str) -> String {
        let file = until("a free name", || {
            let name = self.path(&format!("{code}-{}.invite", fastrand()));
            (!Path::new(&name).exists()).then_some(name)
        });
        parent.folder.ok(&["invite", code, "--address", &child.up().address(), "--out", &file]);
        file
    }

    /// A city, one district, one street of it, all being served; the street's own schedule is off.
    pub fn small() -> (Federation, [Node; 3]) {
        let federation = Federation::new();
        let city = federation.root("市基地", "440300");
        federation.register(
            &city,
            &[["440303", "罗湖区", "district", "440300"], ["440303001", "桂园街道", "street", "440303"]],
        );
        let district = federation.join(&city, "罗湖区", "440303");
        district.serve();
        let street = federation.join(&district, "桂园街道", "440303001");
        street.serve();
        (federation, [city, district, street])
    }
}

/// The twelve digits of a division code.
fn division(code: &str) -> String {
    format!("{code:0<12}")
}

fn fastrand() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0_u8)
}

/// A node: its folder, where it listens, its link up, and its process while it is served.
pub struct Node {
    /// Its data folder.
    pub folder: Folder,
    /// Its base's name.
    pub name: String,
    /// Its base's code.
    pub code: String,
    /// Its base's id.
    pub base: String,
    /// Where it listens for children at present.
    pub door: Door,
    up: Option<Relay>,
    server: Arc<Mutex<Option<Server>>>,
}

struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Kills a node's process, from wherever.
#[derive(Clone)]
pub struct Killer {
    server: Arc<Mutex<Option<Server>>>,
    door: Door,
}

impl Killer {
    /// As `kill -9` does.
    pub fn kill(&self) {
        *lock(&self.door) = None;
        *lock(&self.server) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Node {
    /// A node that does not exist yet, in a folder that is made.
    pub fn new(folder: &Path, name: &str, code: &str, up: Option<Relay>) -> Node {
        fs::create_dir_all(folder).unwrap();
        Node {
            folder: Folder(folder.to_owned()),
            name: name.to_owned(),
            code: code.to_owned(),
            base: String::new(),
            door: Door::default(),
            up,
            server: Arc::default(),
        }
    }

    /// Lays out its settings beforehand: any port for children, no syncing by itself.
    pub fn configure(&self, parent: &str) {
        self.configure_sync(parent, 0);
    }

    /// As [`Node::configure`], with an interval of syncing.
    pub fn configure_sync(&self, parent: &str, every_minutes: u32) {
        self.configure_with(parent, &format!("every_minutes = {every_minutes}\nlive = false\n"));
    }

    /// Syncs only when something changes: from the next start on.
    pub fn configure_live(&self) {
        let parent = self.up.as_ref().map(Relay::address).unwrap_or_default();
        self.configure_with(&parent, "every_minutes = 0\nlive = true\n");
    }

    fn configure_with(&self, parent: &str, sync: &str) {
        let text = format!(
            "listen = \"127.0.0.1:0\"\nadvertise = \"127.0.0.1:1\"\nparent = \"{parent}\"\n[sync]\n{sync}"
        );
        fs::write(self.folder.path().join("shuniu.toml"), text).unwrap();
    }

    /// The network between it and its parent.
    pub fn up(&self) -> &Relay {
        self.up.as_ref().expect("not the root")
    }

    /// Its database.
    pub fn database(&self) -> Database {
        Database::of(self.folder.path())
    }

    /// Starts its process and waits until it is ready.
    pub fn serve(&self) {
        let mut child = self.folder.command(&["serve"]).spawn().unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let writing = log.clone();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                lock(&writing).push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        });
        let (first, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            drop(BufReader::new(stdout).read_line(&mut line));
            drop(first.send(line));
        });
        let server = Server { child, log };
        let line = line.recv_timeout(DEADLINE).expect("a server says in time that it is ready");
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(ready["ready"], true, "{}: {line} {}", self.name, lock(&server.log));
        *lock(&self.door) = ready["children"].as_str().and_then(|address| address.parse().ok());
        *lock(&self.server) = Some(server);
    }

    /// What its process has logged since it was started.
    pub fn log(&self) -> String {
        lock(&self.server).as_ref().map(|server| lock(&server.log).clone()).unwrap_or_default()
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        lock(&self.server).as_ref().expect("it is being served").child.id()
    }

    /// Ends its process as a service manager does.
    pub fn stop(&self) {
        *lock(&self.door) = None;
        let mut server = lock(&self.server).take().expect("it is being served");
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = until("a server stops when it is asked to", || server.child.try_wait().unwrap());
        assert!(status.success(), "{} ended with {status}: {}", self.name, lock(&server.log));
    }

    /// Ends its process as a power cut does.
    pub fn kill(&self) {
        self.killer().kill();
    }

    /// What kills it from another thread.
    pub fn killer(&self) -> Killer {
        Killer { server: self.server.clone(), door: self.door.clone() }
    }

    /// Stops and starts it.
    pub fn restart(&self) {
        self.stop();
        self.serve();
    }

    /// Runs a command on it.
    pub fn run(&self, args: &[&str]) -> Answer {
        self.folder.run(args)
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Value {
        self.folder.ok(args)
    }

    /// Runs a command that must fail with this exit code.
    #[track_caller]
    pub fn fails(&self, code: i32, args: &[&str]) -> Answer {
        self.folder.fails(code, args)
    }

    /// Saves a record; returns its id.
    #[track_caller]
    pub fn put(&self, args: &[&str]) -> String {
        let mut line = vec!["put"];
        line.extend(args);
        self.ok(&line)["id"].as_str().unwrap().to_owned()
    }

    /// Looks at a record.
    #[track_caller]
    pub fn get(&self, kind: &str, id: &str) -> Value {
        self.ok(&["get", kind, id])
    }

    /// Whether it holds a record that can be looked at.
    pub fn has(&self, kind: &str, id: &str) -> bool {
        let answer = self.run(&["get", kind, id]);
        assert!([0, 3].contains(&answer.code), "{}", answer.words);
        answer.code == 0
    }

    /// Syncs with its parent; answers with the report.
    #[track_caller]
    pub fn sync(&self) -> Value {
        self.ok(&["sync"])
    }

    /// What it counts of a kind, and how complete that is.
    #[track_caller]
    pub fn figure(&self, kind: &str) -> Value {
        self.ok(&["figure", kind])
    }

    /// What it says of a base beneath it.
    #[track_caller]
    pub fn report_of(&self, base: &Node) -> Value {
        let status = self.ok(&["status"]);
        let found = status["beneath"].as_array().unwrap().iter().find(|report| report["base"] == base.base);
        found.unwrap_or_else(|| panic!("{} reports on {}", self.name, base.name)).clone()
    }
}
