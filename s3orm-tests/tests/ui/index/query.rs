use s3orm::{Db, S3Schema};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "people", path = "<id>", index(name = "place", columns(city, age)))]
struct Person {
    id: u64,
    #[s3(index)]
    city: String,
    #[s3(unique)]
    email: String,
    age: u32,
}

#[derive(Clone, Serialize, Deserialize, S3Schema)]
#[s3(table = "cities", path = "<id>", index(columns(name)))]
struct City {
    id: u64,
    name: String,
}

async fn wrong(db: Db) {
    let people = db.table::<Person>();
    let query = || people.query();
    let _ = query().by(Person::INDEX.city).at(7);
    let _ = query().by(Person::INDEX.city).at("Oslo").at(30);
    let _ = query().by(Person::INDEX.place).within("A".to_owned()..);
    let _ = query().by(Person::INDEX.place).at("Oslo").starts_with("3");
    let _ = query().by(City::INDEX.name).at("Oslo");
    let _ = query().by(Person::INDEX.email);
    let _ = query().by(Person::UNIQUE.email);
    let _ = query().by(Person::INDEX.city).at("Oslo").segments(4);
    let _ = query().at(Person::KEY.id, 1).entries();
    let _ = people.get_by(Person::UNIQUE.email, 7).await;
    let _ = people.get_by(Person::INDEX.city, "Oslo").await;
    let _ = people.index(City::INDEX.name);
}

fn main() {}
