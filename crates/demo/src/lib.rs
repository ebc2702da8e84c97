//! A whole federation on this machine, told as a story and checked from outside.
