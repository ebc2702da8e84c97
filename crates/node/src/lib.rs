//! gRPC server and client, TLS, joining, scheduler.
