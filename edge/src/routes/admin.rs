//! `/api/admin`: what administrators manage, one file for each noun.

pub mod channels;
pub mod clients;
pub mod departments;
pub mod faqs;
pub mod plans;
