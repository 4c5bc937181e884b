//! What people send each other: requests, replies, certificates, command lines.

pub mod armor;
pub mod certificate_file;
pub mod command_lines;
pub mod file_name;
pub mod received;
pub mod reply;
pub mod request_file;
