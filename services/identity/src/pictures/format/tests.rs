//! Pictures made by hand, whole, cut and lying.

use super::*;
