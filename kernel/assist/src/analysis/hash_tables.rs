// What std needs of `hashbrown` for its own hash tables to have types: without it, rust-analyzer does not know how
// `HashMap<K, V>` depends on `K`, and so not what its iterators yield.

pub mod hash_map {
    use core::marker::PhantomData;

    pub struct HashMap<K, V, S, A>(PhantomData<(K, V, S, A)>);
    pub struct Iter<'a, K, V>(PhantomData<(&'a K, &'a V)>);
    pub struct IterMut<'a, K, V>(PhantomData<(&'a K, &'a mut V)>);
    pub struct IntoIter<K, V, A>(PhantomData<(K, V, A)>);
    pub struct Drain<'a, K, V, A>(PhantomData<&'a (K, V, A)>);
    pub struct ExtractIf<'a, K, V, F, A>(PhantomData<(&'a mut (K, V, A), F)>);
    pub struct RustcOccupiedEntry<'a, K, V, A>(PhantomData<&'a mut (K, V, A)>);
    pub struct RustcVacantEntry<'a, K, V, A>(PhantomData<&'a mut (K, V, A)>);
    pub enum RustcEntry<'a, K, V, A> {
        Occupied(RustcOccupiedEntry<'a, K, V, A>),
        Vacant(RustcVacantEntry<'a, K, V, A>),
    }
}

pub mod hash_set {
    use core::marker::PhantomData;

    pub struct HashSet<T, S, A>(PhantomData<(T, S, A)>);
    pub struct Iter<'a, K>(PhantomData<&'a K>);
    pub struct IntoIter<K, A>(PhantomData<(K, A)>);
    pub struct Drain<'a, K, A>(PhantomData<&'a (K, A)>);
    pub struct ExtractIf<'a, K, F, A>(PhantomData<(&'a mut (K, A), F)>);
    pub struct OccupiedEntry<'a, T, S, A>(PhantomData<&'a mut (T, S, A)>);
    pub struct VacantEntry<'a, T, S, A>(PhantomData<&'a mut (T, S, A)>);
    pub enum Entry<'a, T, S, A> {
        Occupied(OccupiedEntry<'a, T, S, A>),
        Vacant(VacantEntry<'a, T, S, A>),
    }
}
