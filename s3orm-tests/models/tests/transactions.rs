//! Transactions: section 2 of the design.

s3orm_models::test_cases! {
    s3orm_models::transactions::cases();
    // All states, so many, keep the invariants.
    p1a = "P1a";
    p1b = "P1b";
    p1c = "P1c";
    p1d = "P1d";
    p2a = "P2a";
    p2b = "P2b";
    p2c = "P2c";
    p3a = "P3a";
    p3b = "P3b";
    p3c = "P3c";
    p4a = "P4a";
    p4b = "P4b";
    p4c = "P4c";
    p4d = "P4d";
    p5a = "P5a";
    p5b = "P5b";
    p5c = "P5c";
    p5d = "P5d";
    p6a = "P6a";
    p6b = "P6b";
    p6c = "P6c";
    p8 = "P8";
    p9 = "P9";
    p10 = "P10";
    p11 = "P11";
    y8 = "Y8";
    l1 = "L1";
    l2 = "L2";
    // One broken rule each: it must be caught, in so many steps.
    x1 = "X1";
    x2 = "X2";
    x3 = "X3";
    x3b = "X3b";
    x4 = "X4";
    x5 = "X5";
    x6 = "X6";
    x7 = "X7";
    x8 = "X8";
    x9 = "X9";
    x10 = "X10";
    x11 = "X11";
    x12 = "X12";
    x13 = "X13";
    x14 = "X14";
    x15 = "X15";
    x16 = "X16";
    x17 = "X17";
    x18 = "X18";
}
