//! SQL transformations: from code to a configuration and back, and changes of stored ones.

mod blocks;
mod create;
mod operations;
mod statements;

pub use blocks::{Block, Blocks, BlocksError, Code};
pub use create::{CreateError, SqlCode, bucket_name, component_id, create};
pub use operations::{
    BlockInput, CodeInput, OperationError, Position, TransformationUpdate, Updated, apply, read,
};
pub use statements::{MAX_SQL_CHARACTERS, TooMuchSql, join, split};
