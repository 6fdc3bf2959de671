//! Tables beside a map that does the same: any operations, one after the other, have the same outcome.
//!
//! 256 sequences of each table; `PROPTEST_CASES=10000` makes it more.

mod map;
mod ops;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use s3orm::query::Order;
use s3orm::{Db, ErrorKind, Row, S3Schema, Table};
use serde::{Deserialize, Serialize};

use map::{Model, Outcome};
use ops::{Key, Op, Question, Values, op};

/// A table of this struct, and its run beside the map.
macro_rules! table {
    ($module:ident, $is_unique:literal, #[$($table:tt)*], $(#[$club:meta])?, $(#[$name:meta])?) => {
        mod $module {
            use super::*;

            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, S3Schema)]
            #[$($table)*]
            struct Person {
                city: String,
                number: u8,
                age: i16,
                $(#[$club])?
                club: Option<String>,
                $(#[$name])?
                name: String,
            }

            impl From<Values> for Person {
                fn from(values: Values) -> Self {
                    let Values { key: (city, number), age, club, name } = values;
                    Self { city, number, age, club, name }
                }
            }

            impl From<Person> for Values {
                fn from(person: Person) -> Self {
                    let Person { city, number, age, club, name } = person;
                    Self { key: (city, number), age, club, name }
                }
            }

            fn of<T: Into<Values>>(row: T) -> Values {
                row.into()
            }

            struct Beside {
                people: Table<Person>,
                model: Model,
                /// What was read last of each key, and its version in the map.
                held: BTreeMap<Key, (Row<Person>, u64)>,
            }

            fn told<T>(result: s3orm::Result<T>) -> Outcome<T> {
                result.map_err(|error| error.kind())
            }

            impl Beside {
                async fn new() -> Self {
                    let people = Db::connect("memory:").await.unwrap().table();
                    let model = Model { is_stamped: Person::SCHEMA.is_stamped(), is_unique: $is_unique,
                        ..Model::default() };
                    Self { people, model, held: BTreeMap::new() }
                }

                async fn write(&mut self, op: Op) {
                    let (people, model) = (&self.people, &mut self.model);
                    match op {
                        Op::Insert(values) => {
                            let done = people.insert(Person::from(values.clone())).await.map(drop);
                            assert_eq!(told(done), model.insert(values));
                        }
                        Op::InsertOrNothing(values) => {
                            let insert = people.insert(Person::from(values.clone()));
                            let done = told(insert.on_conflict_nothing().await).map(|row| row.is_some());
                            let expected = match model.insert(values) {
                                Err(ErrorKind::AlreadyExists) => Ok(false),
                                other => other.map(|()| true),
                            };
                            assert_eq!(done, expected);
                        }
                        Op::InsertOrReplace(values) => {
                            let insert = people.insert(Person::from(values.clone()));
                            let done = told(insert.on_conflict_replace().await).map(drop);
                            assert_eq!(done, model.write(values).map(drop));
                        }
                        Op::Put(values) => {
                            let done = people.put(Person::from(values.clone())).await.map(drop);
                            assert_eq!(told(done), model.write(values).map(drop));
                        }
                        Op::PutReturning(values) => {
                            let put = people.put(Person::from(values.clone())).returning_old();
                            let old = told(put.await).map(|done| done.old.map(|row| of(row.into_inner())));
                            assert_eq!(old, model.write(values));
                        }
                        Op::PutVersion(values, asked) => {
                            let Some((row, version)) = self.held.remove(&values.key) else { return };
                            let put = people.put(Person::from(values.clone())).if_version(row.version());
                            let done = match asked {
                                true => put.returning_old().await.map(drop),
                                false => put.await.map(drop),
                            };
                            let expected = match model.has(version, &of(row.into_inner())) {
                                true => model.write(values).map(drop),
                                false => Err(ErrorKind::Conflict),
                            };
                            assert_eq!(told(done), expected);
                        }
                        Op::Save(key, age) => {
                            let Some((mut row, version)) = self.held.remove(&key) else { return };
                            let read = of(row.clone().into_inner());
                            row.age = age;
                            let values = of(row.clone().into_inner());
                            let expected = match model.has(version, &read) {
                                true => model.write(values).map(drop),
                                false => Err(ErrorKind::Conflict),
                            };
                            let saved = told(people.save(row).await);
                            assert_eq!(saved.as_ref().map(drop), expected.as_ref().map(drop));
                            if let Ok(row) = saved {
                                self.held.insert(key, (row, model.versions));
                            }
                        }
                        Op::Update(key, age) => {
                            let done = people.update((&*key.0, key.1), |row| row.age = age).await;
                            let expected = model.change(&key, |values| values.age = age);
                            assert_eq!(told(done).map(|row| of(row.into_inner())), expected);
                        }
                        Op::Patch(key, by, under) => {
                            let patch = people.patch((&*key.0, key.1)).increment(Person::COL.age, by);
                            let patch = match under {
                                Some(under) => patch.only_if(Person::COL.age.lt(under)),
                                None => patch,
                            };
                            let expected = match (model.get(&key), under) {
                                (Some(values), Some(under)) if values.age >= under => Err(ErrorKind::Cancelled),
                                // What changes nothing is not written.
                                (Some(values), _) if by == 0 => Ok(values),
                                _ => model.change(&key, |values| values.age += by),
                            };
                            let done = told(patch.await).map(|row| of(row.into_inner()));
                            assert_eq!(done, expected);
                        }
                        other => self.remove(other).await,
                    }
                }

                async fn remove(&mut self, op: Op) {
                    let (people, model) = (&self.people, &mut self.model);
                    match op {
                        Op::Delete(key) => {
                            people.delete((&*key.0, key.1)).await.unwrap();
                            model.rows.remove(&key);
                        }
                        Op::DeleteExisting(key) => {
                            let done = told(people.delete((&*key.0, key.1)).must_exist().await);
                            assert_eq!(done, model.rows.remove(&key).map(drop).ok_or(ErrorKind::NotFound));
                        }
                        Op::DeleteVersion(key) => {
                            let Some((row, version)) = self.held.remove(&key) else { return };
                            let done = people.delete((&*key.0, key.1)).if_version(row.version()).await;
                            let expected = match model.has(version, &of(row.into_inner())) {
                                true => Ok(drop(model.rows.remove(&key))),
                                false => Err(ErrorKind::Conflict),
                            };
                            assert_eq!(told(done), expected);
                        }
                        Op::DeleteReturning(key) => {
                            let old = people.delete((&*key.0, key.1)).returning_old().await.unwrap();
                            let expected = model.rows.remove(&key).map(|(_, values)| values);
                            assert_eq!(old.map(|row| of(row.into_inner())), expected);
                        }
                        Op::Rekey(from, to) => {
                            let moved = people.rekey((&*from.0, from.1), |row| {
                                (row.city, row.number) = to.clone();
                            });
                            assert_eq!(told(moved.await).map(drop), model.rekey(&from, to.clone()));
                        }
                        Op::PutMany(rows) => {
                            let keys: BTreeSet<_> = rows.iter().map(|row| &row.key).collect();
                            // Of two rows of one key, and two that want one name, either may be first.
                            if keys.len() < rows.len() || $is_unique {
                                return;
                            }
                            let written = people.put_many(rows.iter().cloned().map(Person::from)).await;
                            written.into_result().unwrap();
                            for values in rows {
                                model.write(values).unwrap();
                            }
                        }
                        other => self.look(other).await,
                    }
                }

                async fn look(&mut self, op: Op) {
                    let (people, model) = (&self.people, &self.model);
                    match op {
                        Op::Read(key) => {
                            let row = people.read((&*key.0, key.1)).await.unwrap();
                            assert_eq!(row.clone().map(|row| of(row.into_inner())), model.get(&key));
                            match (row, model.rows.get(&key)) {
                                (Some(row), Some((version, _))) => drop(self.held.insert(key, (row, *version))),
                                _ => drop(self.held.remove(&key)),
                            }
                        }
                        Op::Exists(key) => {
                            let is_there = people.exists((&*key.0, key.1)).await.unwrap();
                            assert_eq!(is_there, model.rows.contains_key(&key));
                        }
                        Op::Query(question) => self.ask(&question).await,
                        Op::Count(city) => {
                            let count = match city {
                                Some(city) => people.query().at(Person::KEY.city, city).count().await,
                                None => people.count().await,
                            };
                            let of_city = |key: &&Key| city.is_none_or(|city| key.0 == city);
                            assert_eq!(count.unwrap(), model.rows.keys().filter(of_city).count() as u64);
                        }
                        Op::Cities => {
                            let cities = people.distinct(Person::KEY.city).await.unwrap();
                            let expected: BTreeSet<_> = model.rows.keys().map(|key| key.0.clone()).collect();
                            assert_eq!(cities.into_iter().collect::<BTreeSet<_>>(), expected);
                        }
                        Op::Named(number) => {
                            let name = format!("n{number}");
                            let query = people.query().scan().filter(Person::COL.name.eq(&name));
                            let found = query.all().await.unwrap().into_iter().map(of);
                            let all = model.rows.values().map(|(_, values)| values.clone());
                            let expected: Vec<_> = all.filter(|values| values.name == name).collect();
                            assert_eq!(found.collect::<Vec<_>>(), expected);
                        }
                        other => unreachable!("{other:?} is done above"),
                    }
                }

                async fn ask(&self, question: &Question) {
                    let order = if question.descending { Order::Descending } else { Order::Ascending };
                    let mut query = self.people.query().order(order).scan();
                    if let Some(from) = question.from {
                        query = query.filter(Person::COL.age.ge(from));
                    }
                    if let Some(club) = question.club {
                        query = query.filter(Person::COL.club.eq(club));
                    }
                    let expected = self.model.answer(question);
                    macro_rules! compare {
                        ($query:expr) => {{
                            let query = $query;
                            let limited = match question.limit {
                                Some(limit) => query.clone().limit(limit),
                                None => query.clone(),
                            };
                            let all = limited.all().await.unwrap();
                            assert_eq!(all.into_iter().map(of).collect::<Vec<_>>(), expected);
                            if question.limit.is_none() {
                                assert_eq!(query.clone().count().await.unwrap(), expected.len() as u64);
                                let (mut paged, mut next) = (Vec::new(), None);
                                loop {
                                    let page = query.clone().limit(question.page).page(next.as_ref()).await.unwrap();
                                    assert!(page.rows.len() <= question.page);
                                    paged.extend(page.rows.into_iter().map(of));
                                    next = page.next;
                                    if next.is_none() {
                                        break;
                                    }
                                }
                                assert_eq!(paged, expected, "page by page");
                            }
                        }};
                    }
                    match (question.city, question.numbers) {
                        (Some(city), Some((low, high))) => {
                            let query = query.at(Person::KEY.city, city);
                            compare!(query.within(Person::KEY.number, low..high));
                        }
                        (Some(city), None) => compare!(query.at(Person::KEY.city, city)),
                        (None, _) => compare!(query),
                    }
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

                #[test]
                fn it_does_what_a_map_does(ops in vec(op(), 1..60)) {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let mut beside = Beside::new().await;
                        for op in ops {
                            beside.write(op).await;
                        }
                        let all = beside.people.query().scan().all().await.unwrap();
                        let expected = beside.model.rows.into_values().map(|(_, values)| values);
                        assert_eq!(all.into_iter().map(of).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
                    });
                }
            }
        }
    };
}

table!(plain, false, #[s3(table = "people", path = "<city:ordered>/<number:ordered>")],,);
table!(stamped, false, #[s3(table = "people", path = "<city:ordered>/<number:ordered>", transactional)],,);
table!(
    indexed, true,
    #[s3(table = "people", path = "<city:ordered>/<number:ordered>", transactional)],
    #[s3(index)],
    #[s3(unique)]
);
table!(packed, false, #[s3(table = "people", path = "<city:ordered>/<number:ordered>", body = "msgpack")],,);
