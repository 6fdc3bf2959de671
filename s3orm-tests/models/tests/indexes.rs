//! Indexes: section 3 of the design.

s3orm_models::test_cases! {
    s3orm_models::indexes::cases();
    // All states, so many, keep the invariants.
    u1 = "U1";
    u2 = "U2";
    u5 = "U5";
    i1 = "I1";
    i2 = "I2";
    i3 = "I3";
    i4 = "I4";
    // One broken rule each: it must be caught, in so many steps.
    ux1 = "UX1";
    ux2 = "UX2";
    ux3 = "UX3";
    ux4 = "UX4";
    ix1 = "IX1";
    ix2 = "IX2";
    ix3 = "IX3";
    ix4 = "IX4";
    ix5 = "IX5";
}
