//! temporary
use std::path::PathBuf;
#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let options = demo::DemoOptions {
        profile: args[1].parse().unwrap(),
        once: args.get(4).is_none(),
        folder: args.get(3).filter(|f| *f != "-").map(PathBuf::from),
        program: PathBuf::from(&args[2]),
    };
    let r = demo::run(options, async { tokio::signal::ctrl_c().await.unwrap() }).await;
    match r {
        Ok(r) => std::process::exit(if r.held() { 0 } else { 12 }),
        Err(e) => {
            println!("{e} {e:?}");
            std::process::exit(1)
        }
    }
}
