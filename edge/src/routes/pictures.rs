//! Where the pictures of users are shown.

/// The address of the operation that shows the picture of a user; `public_url` is
/// where callers reach this API, without a slash at the end.
pub fn url(public_url: &str, user: i64) -> String {
    format!("{public_url}/api/users/showUserPic/{user}")
}
