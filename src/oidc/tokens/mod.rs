//! What is in a token, to which key is it bound, and is it good when it is shown again?

pub(super) mod access_token;
pub(super) mod confirmation;
pub(super) mod details;
pub(super) mod dpop;
pub(super) mod mint;
pub(super) mod presented;
pub(super) mod standing;
pub(super) mod step_up;
