//! All integration tests but those that measure memory: one binary, because linking it is most of what one more costs.

mod analyses;
mod arrays;
mod awkward;
mod catalogue;
mod cka;
mod cli;
mod compare;
mod describe_device;
mod embedding;
mod features;
mod gradients;
mod invariance;
mod kernels;
mod library;
mod measures;
mod precision;
mod promises;
mod pytorch;
mod ranks;
mod reproduce;
mod same_bits;
mod stages;
mod support;
mod track;
