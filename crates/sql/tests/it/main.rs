//! The analysis over corpora, against real servers, and against what wants to break it.

mod corpus;
mod differential;
mod fixture;
mod hostile;
mod landing;
mod lineage;
mod taint;
mod template;
