PRAGMA application_id = 1179406167;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    order_key REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
    kind TEXT NOT NULL CHECK (kind IN ('edit', 'test')),
    shot_id TEXT NOT NULL,
    title TEXT NOT NULL,
    request TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    phase TEXT NOT NULL,
    note TEXT NOT NULL,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    hint TEXT NOT NULL,
    detail TEXT NOT NULL,
    last_lines TEXT NOT NULL,
    estimate_s REAL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    place TEXT NOT NULL
) STRICT;
INSERT INTO "jobs" VALUES('a',1.0,'running','edit','4711-item','red leather jacket','{"schema":"flowanchor.EditRequest.1","source":{"path":"/media/A012_C004.mov","start":0,"frames":81},"prompts":{"now":"a grey jacket","wanted":"a red leather jacket"},"seed":1}','ha',0,'edit','','','','[]','','[]',NULL,1700000000.0,1700000001.0,NULL,'{}');
INSERT INTO "jobs" VALUES('b',1.5,'waiting','edit','4711-item','rote Jacke','{"schema":"flowanchor.EditRequest.1","source":{"path":"/media/A012_C004.mov","start":0,"frames":81},"prompts":{"now":"a grey jacket","wanted":"a red leather jacket"},"seed":1}','hb',0,'','','','','[]','','[]',400.0,1700000000.0,NULL,NULL,'{}');
INSERT INTO "jobs" VALUES('c',2.0,'failed','edit','4711-item','blue sky','{"schema":"flowanchor.EditRequest.1","source":{"path":"/media/A012_C004.mov","start":0,"frames":81},"prompts":{"now":"a grey jacket","wanted":"a red leather jacket"},"seed":1}','hc',1,'','','vram','Not enough graphics memory (needed 11.8, had 9.6 GB).','["save_memory","set_range"]','','["CUDA out of memory"]',NULL,1700000000.0,NULL,1700000100.0,'{}');
CREATE TABLE numbers (
    shot_id TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;
INSERT INTO "numbers" VALUES('4711-item',2);
CREATE TABLE takes (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    shot_id TEXT NOT NULL,
    file TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    request TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    recipe_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('edit', 'test')),
    title TEXT NOT NULL,
    recipe TEXT NOT NULL,
    thumbnail TEXT NOT NULL,
    starred INTEGER NOT NULL CHECK (starred IN (0, 1)),
    delivery TEXT NOT NULL CHECK (delivery IN ('patch', 'frame', 'take')),
    placed TEXT NOT NULL,
    placement TEXT NOT NULL,
    origin TEXT NOT NULL,
    timings TEXT NOT NULL,
    frames INTEGER NOT NULL,
    attention TEXT NOT NULL,
    proxy TEXT NOT NULL,
    created REAL NOT NULL,
    UNIQUE (shot_id, number)
) STRICT;
INSERT INTO "takes" VALUES('t1','d1',1,'4711-item','/media/FlowAnchor/A012_C004 - red leather jacket - t1.mov','0000000000000000000000000000000000000000000000000000000000000000','{"schema":"flowanchor.EditRequest.1","source":{"path":"/media/A012_C004.mov","start":0,"frames":81},"prompts":{"now":"a grey jacket","wanted":"a red leather jacket"},"seed":4217}','hash-4217-a red leather jacket','6800217aae96515c36b70daa91b5096ddb1d242325ac9dc4bf80e2374febd346','edit','a red leather jacket','','',1,'patch','item-9','{"track":2}','{}','{"edit":300.5}',0,'','',1700000001.0);
INSERT INTO "takes" VALUES('t2','d2',2,'4711-item','/media/FlowAnchor/A012_C004 - red leather jacket - t2.mov','0000000000000000000000000000000000000000000000000000000000000000','{"schema":"flowanchor.EditRequest.1","source":{"path":"/media/A012_C004.mov","start":0,"frames":81},"prompts":{"now":"a grey jacket","wanted":"a red leather jacket"},"seed":4218}','hash-4218-a red leather jacket','6800217aae96515c36b70daa91b5096ddb1d242325ac9dc4bf80e2374febd346','edit','a red leather jacket','','',0,'patch','','{}','{}','{"edit":300.5}',0,'','',1700000002.0);
CREATE TABLE texts (
    field TEXT NOT NULL CHECK (field IN ('now', 'wanted')),
    text TEXT NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (field, text)
) STRICT;
INSERT INTO "texts" VALUES('now','a grey jacket',1);
INSERT INTO "texts" VALUES('wanted','a red leather jacket',2);
CREATE INDEX jobs_by_order ON jobs (order_key);
CREATE INDEX takes_by_hash ON takes (request_hash);
COMMIT;
