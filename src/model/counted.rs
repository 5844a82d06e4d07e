/// A number of things in words, such as `1 CPU` and `2 CPUs`, for nouns whose plural ends in an s.
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|number| counted(number, "CPU")), ["0 CPUs", "1 CPU", "2 CPUs"]);
    }
}
