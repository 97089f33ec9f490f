//! What is wrong with a field, in words: Spanish as the house says it, English
//! as the framework says it.

/// The language of the sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Of the house.
    Spanish,
    /// Of the framework, on the few routes that answer its own form.
    English,
}

/// The framework writes `room id` for `room_id` and `chat id` for `chatId`.
fn spoken(field: &str) -> String {
    let mut words = String::with_capacity(field.len() + 4);
    for letter in field.chars() {
        match letter {
            '_' => words.push(' '),
            upper if upper.is_uppercase() => {
                words.push(' ');
                words.extend(upper.to_lowercase());
            }
            other => words.push(other),
        }
    }
    words
}

/// The field is missing.
pub fn required(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} es obligatorio."),
        Language::English => format!("The {} field is required.", spoken(field)),
    }
}

/// The field is something else than text.
pub fn not_text(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser una cadena de texto."),
        Language::English => format!("The {} field must be a string.", spoken(field)),
    }
}

/// The text is too long.
pub fn too_long(language: Language, field: &str, max: usize) -> String {
    match language {
        Language::Spanish => format!("El campo {field} no debe superar {max} caracteres."),
        Language::English => format!(
            "The {} field must not be greater than {max} characters.",
            spoken(field)
        ),
    }
}

/// The text is longer than the service keeps, which alone knows the bound.
pub fn longer_than_kept(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} es demasiado largo."),
        Language::English => format!("The {} field is too long.", spoken(field)),
    }
}

/// The field is no whole number.
pub fn not_integer(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser un numero entero."),
        Language::English => format!("The {} field must be an integer.", spoken(field)),
    }
}

/// The number is out of bounds.
pub fn not_between(language: Language, field: &str, min: i64, max: i64) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe estar entre {min} y {max}."),
        Language::English => {
            format!(
                "The {} field must be between {min} and {max}.",
                spoken(field)
            )
        }
    }
}

/// The text is too short.
pub fn too_short(language: Language, field: &str, min: usize) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe tener al menos {min} caracteres."),
        Language::English => format!(
            "The {} field must be at least {min} characters.",
            spoken(field)
        ),
    }
}

/// The field is no amount.
pub fn not_amount(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => {
            format!("El campo {field} debe ser un numero de hasta 14 enteros y 4 decimales.")
        }
        Language::English => format!("The {} field must be a number.", spoken(field)),
    }
}

/// The amount is below zero.
pub fn negative(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} no debe ser negativo."),
        Language::English => format!("The {} field must be at least 0.", spoken(field)),
    }
}

/// The field is no day.
pub fn not_day(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser una fecha con formato Y-m-d."),
        Language::English => format!("The {} field must match the format Y-m-d.", spoken(field)),
    }
}

/// The field is no time of a day.
pub fn not_time(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser una hora con formato HH:MM."),
        Language::English => format!("The {} field must match the format H:i.", spoken(field)),
    }
}

/// The closing time is not later than the opening time.
pub fn not_after_opening(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser posterior a la hora de apertura."),
        Language::English => format!(
            "The {} field must be a time after the opening.",
            spoken(field)
        ),
    }
}

/// The field is no list of ids.
pub fn not_ids(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser una lista de identificadores."),
        Language::English => format!("The {} field must be an array of ids.", spoken(field)),
    }
}

/// The field is no mail address.
pub fn not_email(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser un correo valido."),
        Language::English => {
            format!("The {} field must be a valid email address.", spoken(field))
        }
    }
}

/// The field is no object.
pub fn not_object(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} debe ser un objeto."),
        Language::English => format!("The {} field must be an array.", spoken(field)),
    }
}

/// The value names nothing that exists.
pub fn not_registered(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El {field} no se encuentra registrado."),
        Language::English => format!("The selected {} is invalid.", spoken(field)),
    }
}

/// The value is wrong in some other way.
pub fn invalid(language: Language, field: &str) -> String {
    match language {
        Language::Spanish => format!("El campo {field} no es valido."),
        Language::English => format!("The selected {} is invalid.", spoken(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_names_fields_in_words() {
        assert_eq!(
            required(Language::English, "room_id"),
            "The room id field is required."
        );
        assert_eq!(
            required(Language::English, "chatId"),
            "The chat id field is required."
        );
    }
}
