//! The places of the secrets of a channel, which sealed values are bound to.

use auth::CompanyId;
use uuid::Uuid;

/// A column that holds a sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    App,
    Token,
    Secret,
}

/// The place of a column of the channel `uuid` of `company`: a value copied to
/// another row or column does not open there.
pub(crate) fn place(company: CompanyId, uuid: Uuid, column: Column) -> String {
    let column = match column {
        Column::App => "app",
        Column::Token => "token",
        Column::Secret => "secret",
    };
    format!("channel|{company}|{uuid}|{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_channel_has_a_place_of_its_own() {
        let (one, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let mut places: Vec<String> = [(3, one), (3, other), (4, one)]
            .into_iter()
            .flat_map(|(company, uuid)| {
                [Column::App, Column::Token, Column::Secret]
                    .map(|column| place(CompanyId(company), uuid, column))
            })
            .collect();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 9);
        let named = "channel|3|00000000-0000-0000-0000-000000000007|token";
        assert_eq!(place(CompanyId(3), one, Column::Token), named);
    }
}
