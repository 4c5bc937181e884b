//! Sets and maps in the order of their keys: those of the standard library, or, without the feature
//! `large-maps`, short ones that take a fraction of the code. What the page looks at has few names.

#[cfg(feature = "large-maps")]
pub use std::collections::{BTreeMap, BTreeSet};

#[cfg(not(feature = "large-maps"))]
pub use short::{BTreeMap, BTreeSet};

#[cfg(any(test, not(feature = "large-maps")))]
mod short {
    use std::borrow::Borrow;

    use serde::{Deserialize, Serialize};

    /// Stands in for the map of the same name: a list of pairs.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(into = "Standard<K, V>", from = "Standard<K, V>")]
    #[serde(bound(serialize = "K: Ord + Clone + Serialize, V: Clone + Serialize"))]
    #[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
    pub struct BTreeMap<K, V>(Vec<(K, V)>);

    type Standard<K, V> = std::collections::BTreeMap<K, V>;

    impl<K: Ord, V> From<Standard<K, V>> for BTreeMap<K, V> {
        fn from(map: Standard<K, V>) -> Self {
            Self(map.into_iter().collect())
        }
    }

    impl<K: Ord, V> From<BTreeMap<K, V>> for Standard<K, V> {
        fn from(map: BTreeMap<K, V>) -> Self {
            map.0.into_iter().collect()
        }
    }

    impl<K, V> Default for BTreeMap<K, V> {
        fn default() -> Self {
            Self(Vec::new())
        }
    }

    impl<K: Ord, V> BTreeMap<K, V> {
        /// Without pairs.
        pub fn new() -> Self {
            Self(Vec::new())
        }

        fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
        where
            K: Borrow<Q>,
        {
            self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
        }

        /// The value of a key.
        pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Borrow<Q>,
        {
            self.0.get(self.place(key).ok()?).map(|(_, value)| value)
        }

        /// Whether the key is there.
        pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.place(key).is_ok()
        }

        /// Sets a value; gives the one before.
        pub fn insert(&mut self, key: K, value: V) -> Option<V> {
            match self.place(&key) {
                Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
                Err(at) => {
                    self.0.insert(at, (key, value));
                    None
                }
            }
        }

        /// The place of a key, to be filled.
        pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
            Entry { map: self, key }
        }

        /// All values.
        pub fn values(&self) -> impl Iterator<Item = &V> {
            self.0.iter().map(|(_, value)| value)
        }

        /// Leaves the pairs for which `keep` says so.
        pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
            self.0.retain_mut(|(key, value)| keep(key, value));
        }

        /// Whether there is none.
        pub fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        /// All pairs.
        pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
            self.0.iter().map(|(key, value)| (key, value))
        }
    }

    /// Stands in for the one of the same name.
    pub struct Entry<'a, K, V> {
        map: &'a mut BTreeMap<K, V>,
        key: K,
    }

    impl<'a, K: Ord, V: Default> Entry<'a, K, V> {
        /// What is there, else what is there by default.
        pub fn or_default(self) -> &'a mut V {
            let pairs = &mut self.map.0;
            let at = match pairs.binary_search_by(|(other, _)| other.cmp(&self.key)) {
                Ok(at) => at,
                Err(at) => {
                    pairs.insert(at, (self.key, V::default()));
                    at
                }
            };
            &mut pairs[at].1
        }
    }

    impl<'a, K: Ord, V> IntoIterator for &'a BTreeMap<K, V> {
        type Item = (&'a K, &'a V);
        type IntoIter =
            std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.iter().map(|(key, value)| (key, value))
        }
    }

    impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
        fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
            let mut map = Self::new();
            pairs.into_iter().for_each(|(key, value)| {
                map.insert(key, value);
            });
            map
        }
    }

    /// Stands in for the set of the same name: a list.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct BTreeSet<T>(Vec<T>);

    impl<T> Default for BTreeSet<T> {
        fn default() -> Self {
            Self(Vec::new())
        }
    }

    impl<T: Ord> BTreeSet<T> {
        /// Without anything.
        pub fn new() -> Self {
            Self(Vec::new())
        }

        fn place<Q: Ord + ?Sized>(&self, item: &Q) -> Result<usize, usize>
        where
            T: Borrow<Q>,
        {
            self.0.binary_search_by(|other| other.borrow().cmp(item))
        }

        /// Whether it is there.
        pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
        where
            T: Borrow<Q>,
        {
            self.place(item).is_ok()
        }

        /// Adds it, and says whether it is new.
        pub fn insert(&mut self, item: T) -> bool {
            match self.place(&item) {
                Ok(_) => false,
                Err(at) => {
                    self.0.insert(at, item);
                    true
                }
            }
        }

        /// Leaves those for which `keep` says so.
        pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
            self.0.retain(keep);
        }

        /// How many there are.
        pub fn len(&self) -> usize {
            self.0.len()
        }

        /// Whether there is none.
        pub fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        /// The first.
        pub fn first(&self) -> Option<&T> {
            self.0.first()
        }

        /// All of them.
        pub fn iter(&self) -> std::slice::Iter<'_, T> {
            self.0.iter()
        }
    }

    impl<T: Ord> Extend<T> for BTreeSet<T> {
        fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
            items.into_iter().for_each(|item| {
                self.insert(item);
            });
        }
    }

    impl<T: Ord> FromIterator<T> for BTreeSet<T> {
        fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
            let mut set = Self::new();
            set.extend(items);
            set
        }
    }

    impl<T> IntoIterator for BTreeSet<T> {
        type Item = T;
        type IntoIter = std::vec::IntoIter<T>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.into_iter()
        }
    }

    impl<'a, T> IntoIterator for &'a BTreeSet<T> {
        type Item = &'a T;
        type IntoIter = std::slice::Iter<'a, T>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.iter()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn the_short_ones_do_as_the_standard_ones() {
        let words = ["b", "a", "", "c", "a", "ab", "b"];
        let short: short::BTreeSet<String> = words.map(str::to_owned).into_iter().collect();
        let standard: std::collections::BTreeSet<String> =
            words.map(str::to_owned).into_iter().collect();
        assert!(short.iter().eq(standard.iter()));
        assert_eq!(short.first(), standard.first());
        assert_eq!(short.len(), standard.len());
        assert!(short.contains("ab") && !short.contains("d"));

        let pairs = words.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at));
        let mut short: short::BTreeMap<String, usize> = pairs.clone().collect();
        let mut standard: std::collections::BTreeMap<String, usize> = pairs.collect();
        assert!(short.iter().eq(&standard));
        assert_eq!(short.insert("a".to_owned(), 9), standard.insert("a".to_owned(), 9));
        assert_eq!(short.insert("z".to_owned(), 9), standard.insert("z".to_owned(), 9));
        assert_eq!(short.get("a"), Some(&9));
        assert!(short.contains_key("z") && !short.contains_key("d"));
        short.retain(|_, at| *at != 9);
        standard.retain(|_, at| *at != 9);
        assert!(short.iter().eq(&standard) && !short.is_empty());
    }
}
