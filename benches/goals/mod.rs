//! Are issue 10's goals reached? What is measured beside the workloads, and what it comes to.

pub mod growth;
pub mod options;
pub mod peers;
pub mod raw;
pub mod verdict;
