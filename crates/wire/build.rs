//! Compiles the services of the contract; no protoc is needed on the machine.

use std::path::PathBuf;

use protox::prost::Message as _;

const SERVICES: [&str; 5] = [
    "shuniu/sync/v1/sync.proto",
    "shuniu/enrolment/v1/enrolment.proto",
    "shuniu/record/v1/record.proto",
    "shuniu/admin/v1/admin.proto",
    "shuniu/bundle/v1/bundle.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = PathBuf::from("../../proto");
    println!("cargo:rerun-if-changed={}", proto.display());
    let set = protox::compile(SERVICES, [&proto])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("services.bin"), set.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(set)?;
    Ok(())
}
