static SHAPE_BOOK: Shape = Shape {
  name: "book", heading: Some("title"),
  free: false, fields: &[
  Field { name: "id", kind: FieldKind::Text, label: None,
    secret: false },
  Field { name: "title", kind: FieldKind::Text, label: Some("Title"),
    secret: false },
  Field { name: "year", kind: FieldKind::Integer, label: None,
    secret: false },
  Field { name: "loans", kind: FieldKind::Many(&SHAPE_LOAN), label: None,
    secret: false },
] };
static SHAPE_LOAN: Shape = Shape {
  name: "loan", heading: None,
  free: false, fields: &[
  Field { name: "who", kind: FieldKind::Text, label: None,
    secret: false },
  Field { name: "since", kind: FieldKind::Text, label: None,
    secret: false },
] };
static SHAPE_ANSWER: Shape = Shape {
  name: "answer", heading: None,
  free: true, fields: &[
  Field { name: "result", kind: FieldKind::Any, label: None,
    secret: false },
] };
/// The input schema of each operation, once it was read.
static SCHEMAS: [SchemaCell; 3] = [const { SchemaCell::new() }; 3];
/// Every operation, in catalogue order.
pub(crate) static OPERATIONS: &[Operation] = &[
Operation { name: "shelf_list_books", title: "List books", toolset: "books",
  method: Method::Get, path: "/shelves/{shelf}/books", host: Some("catalogue"),
  effect: Effect::Read, behaviour: Behaviour::Plain,
  output: &SHAPE_BOOK, list: Some("books"),
  wrapped: false,
  says: None, check: None,
  retired: None, keyed: false,
  default: true, hidden: false, long: false,
  consent: None, checkpoint: false,
  alternatives: &[
  ], parameters: &[
  Parameter { name: "shelf", api: "shelf",
    place: Place::Path, kind: Kind::Text,
    required: true,
    min_length: Some(1), max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
  Parameter { name: "sort_by", api: "sortBy",
    place: Place::Query, kind: Kind::Text,
    required: false,
    min_length: None, max_length: None,
    choices: &["title", "year"], empty: Empty::Itself, secret: false, items: &[
  ] },
  Parameter { name: "limit", api: "limit",
    place: Place::Query, kind: Kind::Integer,
    required: false,
    min_length: None, max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
], definition: "{\"annotations\":{\"destructiveHint\":false,\"idempotentHint\":true,\"openWorldHint\":true,\"readOnlyHint\":true,\"title\":\"List books\"},\"description\":\"Lists the books on a shelf, with the people who borrowed each of them.\",\"inputSchema\":{\"additionalProperties\":false,\"properties\":{\"limit\":{\"description\":\"How many at most.\",\"maximum\":500,\"minimum\":1,\"type\":\"integer\"},\"shelf\":{\"description\":\"The shelf's name.\",\"minLength\":1,\"type\":\"string\"},\"sort_by\":{\"default\":\"title\",\"description\":\"The order of the books.\",\"enum\":[\"title\",\"year\"],\"type\":\"string\"}},\"required\":[\"shelf\"],\"type\":\"object\"},\"name\":\"shelf_list_books\",\"outputSchema\":{\"properties\":{\"books\":{\"items\":{\"properties\":{\"id\":{\"type\":[\"string\",\"null\"]},\"loans\":{\"items\":{\"properties\":{\"since\":{\"description\":\"A date.\",\"type\":[\"string\",\"null\"]},\"who\":{\"type\":[\"string\",\"null\"]}},\"type\":\"object\"},\"type\":[\"array\",\"null\"]},\"title\":{\"type\":[\"string\",\"null\"]},\"year\":{\"type\":[\"integer\",\"null\"]}},\"type\":\"object\"},\"type\":\"array\"},\"count\":{\"description\":\"How many are listed here.\",\"type\":\"integer\"},\"total\":{\"description\":\"How many Shelf says there are.\",\"type\":[\"integer\",\"null\"]},\"truncated\":{\"description\":\"Whether there are more than are listed.\",\"type\":\"boolean\"},\"warnings\":{\"description\":\"Parts of Shelf's answer that were not as expected.\",\"items\":{\"type\":\"string\"},\"type\":\"array\"}},\"required\":[\"count\",\"truncated\",\"books\"],\"type\":\"object\"},\"title\":\"List books\"}", schema: &SCHEMAS[0] },
Operation { name: "shelf_delete_book", title: "Delete a book", toolset: "books",
  method: Method::Delete, path: "/books/{book}", host: Some("register"),
  effect: Effect::Destructive, behaviour: Behaviour::Plain,
  output: &SHAPE_ANSWER, list: None,
  wrapped: false,
  says: None, check: Some("shelf_list_books shows whether the book is still there."),
  retired: None, keyed: false,
  default: false, hidden: false, long: false,
  consent: Some("The book {book} and all its loans."), checkpoint: false,
  alternatives: &[
  ], parameters: &[
  Parameter { name: "book", api: "book",
    place: Place::Path, kind: Kind::Uuid,
    required: true,
    min_length: None, max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
  Parameter { name: "confirm", api: "confirm",
    place: Place::Local, kind: Kind::Flag,
    required: false,
    min_length: None, max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
], definition: "{\"annotations\":{\"destructiveHint\":true,\"idempotentHint\":true,\"openWorldHint\":true,\"readOnlyHint\":false,\"title\":\"Delete a book\"},\"description\":\"Removes a book from the shelf and its loans from the register, for good.\",\"inputSchema\":{\"additionalProperties\":false,\"properties\":{\"book\":{\"description\":\"The book's id.\",\"format\":\"uuid\",\"type\":\"string\"},\"confirm\":{\"default\":false,\"description\":\"For clients that cannot ask: true once the person agreed to lose what is named. Leave it out to see what that is. Where the client can ask, the person is asked.\",\"type\":\"boolean\"}},\"required\":[\"book\"],\"type\":\"object\"},\"name\":\"shelf_delete_book\",\"outputSchema\":{\"properties\":{\"result\":{},\"warnings\":{\"description\":\"Parts of Shelf's answer that were not as expected.\",\"items\":{\"type\":\"string\"},\"type\":\"array\"}},\"type\":\"object\"},\"title\":\"Delete a book\"}", schema: &SCHEMAS[1] },
Operation { name: "shelf_rename_book", title: "Rename a book", toolset: "books",
  method: Method::Post, path: "", host: None,
  effect: Effect::Destructive, behaviour: Behaviour::Rename,
  output: &SHAPE_BOOK, list: None,
  wrapped: true,
  says: None, check: Some("shelf_list_books shows the title."),
  retired: None, keyed: false,
  default: false, hidden: false, long: true,
  consent: Some("The present title of the book."), checkpoint: false,
  alternatives: &[
  ], parameters: &[
  Parameter { name: "book", api: "book",
    place: Place::Local, kind: Kind::Uuid,
    required: true,
    min_length: None, max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
  Parameter { name: "title", api: "title",
    place: Place::Local, kind: Kind::Text,
    required: true,
    min_length: Some(1), max_length: Some(60),
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
  Parameter { name: "confirm", api: "confirm",
    place: Place::Local, kind: Kind::Flag,
    required: false,
    min_length: None, max_length: None,
    choices: &[], empty: Empty::Itself, secret: false, items: &[
  ] },
], definition: "{\"annotations\":{\"destructiveHint\":true,\"idempotentHint\":false,\"openWorldHint\":true,\"readOnlyHint\":false,\"title\":\"Rename a book\"},\"description\":\"Gives a book another title. The person sees the present one before they agree.\",\"inputSchema\":{\"additionalProperties\":false,\"properties\":{\"book\":{\"description\":\"The book's id.\",\"format\":\"uuid\",\"type\":\"string\"},\"confirm\":{\"default\":false,\"description\":\"For clients that cannot ask: true once the person agreed to lose what is named. Leave it out to see what that is. Where the client can ask, the person is asked.\",\"type\":\"boolean\"},\"title\":{\"description\":\"The new title.\",\"maxLength\":60,\"minLength\":1,\"type\":\"string\"}},\"required\":[\"book\",\"title\"],\"type\":\"object\"},\"name\":\"shelf_rename_book\",\"outputSchema\":{\"properties\":{\"result\":{\"properties\":{\"id\":{\"type\":[\"string\",\"null\"]},\"loans\":{\"items\":{\"properties\":{\"since\":{\"description\":\"A date.\",\"type\":[\"string\",\"null\"]},\"who\":{\"type\":[\"string\",\"null\"]}},\"type\":\"object\"},\"type\":[\"array\",\"null\"]},\"title\":{\"type\":[\"string\",\"null\"]},\"year\":{\"type\":[\"integer\",\"null\"]}},\"type\":\"object\"},\"warnings\":{\"description\":\"Parts of Shelf's answer that were not as expected.\",\"items\":{\"type\":\"string\"},\"type\":\"array\"}},\"required\":[\"result\"],\"type\":\"object\",\"x-fastmcp-wrap-result\":true},\"title\":\"Rename a book\"}", schema: &SCHEMAS[2] },
];
