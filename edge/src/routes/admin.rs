//! `/api/admin`: what administrators manage, one file for each noun.

pub mod channels;
