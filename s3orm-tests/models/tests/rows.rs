//! Rows without transactions, as the library writes them today.

s3orm_models::test_cases! {
    s3orm_models::rows::cases();
    // What is promised.
    s1 = "S1";
    s2 = "S2";
    s3 = "S3";
    s4 = "S4";
    s5 = "S5";
    s6 = "S6";
    s7 = "S7";
    s8 = "S8";
    s9 = "S9";
    s10 = "S10";
    d1 = "D1";
    d2 = "D2";
    d3 = "D3";
    d4 = "D4";
    // What is not, when something on the way sends twice.
    h3 = "H3";
    h4 = "H4";
    h5 = "H5";
    h6 = "H6";
    h7 = "H7";
    h8 = "H8";
    h9 = "H9";
    h10 = "H10";
    h11 = "H11";
    h12 = "H12";
    h14 = "H14";
    h15 = "H15";
    h16 = "H16";
    // One broken rule each: it must be caught.
    rx1 = "RX1";
    rx2 = "RX2";
    rx3 = "RX3";
    rx4 = "RX4";
    rx5 = "RX5";
    rx6 = "RX6";
    rx7 = "RX7";
    rx8 = "RX8";
    rx9 = "RX9";
}
