-- What MLflow 3.17.2 made of five small made-up runs: the tables with anything in them, places and user renamed.
CREATE TABLE "experiments" (
    experiment_id INTEGER NOT NULL,
    name VARCHAR(256) NOT NULL,
    artifact_location VARCHAR(256),
    lifecycle_stage VARCHAR(32),
    creation_time BIGINT,
    last_update_time BIGINT,
    workspace VARCHAR(63) DEFAULT 'default' NOT NULL,
    CONSTRAINT experiment_pk PRIMARY KEY (experiment_id),
    CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')),
    CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO experiments VALUES (0, 'Default', 'mlruns/0', 'active', 1795296150365, 1795296150365, 'default');
INSERT INTO experiments VALUES (1, 'kd-gat', 'mlruns/1', 'active', 1795296150370, 1795296150370, 'default');
CREATE TABLE "runs" (
    run_uuid VARCHAR(32) NOT NULL,
    name VARCHAR(250),
    source_type VARCHAR(20),
    source_name VARCHAR(500),
    entry_point_name VARCHAR(50),
    user_id VARCHAR(256),
    status VARCHAR(9),
    start_time BIGINT,
    end_time BIGINT,
    source_version VARCHAR(50),
    lifecycle_stage VARCHAR(20),
    artifact_uri VARCHAR(200),
    experiment_id INTEGER, deleted_time BIGINT,
    CONSTRAINT run_pk PRIMARY KEY (run_uuid),
    CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')),
    CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')),
    FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id),
    CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO runs VALUES ('05af35b5528247e89b6326328a0463f8', 'set_01/teacher_curriculum', 'UNKNOWN', '', '', 'somebody', 'FINISHED', 1795296150420, 1795296150472, '', 'active', 'mlruns/1/05af35b5528247e89b6326328a0463f8/artifacts', 1, NULL);
INSERT INTO runs VALUES ('b478e3e57b7640448883c2a5783b019d', 'set_01/student_curriculum_kd', 'UNKNOWN', '', '', 'somebody', 'FAILED', 1795296150478, 1795296150513, '', 'active', 'mlruns/1/b478e3e57b7640448883c2a5783b019d/artifacts', 1, NULL);
INSERT INTO runs VALUES ('1603279032aa4507b11d588c27cbe275', 'notes', 'UNKNOWN', '', '', 'somebody', 'FINISHED', 1795296150517, 1795296150528, '', 'active', 'mlruns/1/1603279032aa4507b11d588c27cbe275/artifacts', 1, NULL);
INSERT INTO runs VALUES ('b4677e8254d6422eac89eff148e4f474', 'set_01/student_autoencoder', 'UNKNOWN', '', '', 'somebody', 'KILLED', 1795296150532, 1795296150548, '', 'deleted', 'mlruns/1/b4677e8254d6422eac89eff148e4f474/artifacts', 1, 1795296150572);
INSERT INTO runs VALUES ('60609e0e56744ba4ba11e6701f2cf2b2', 'set_01/teacher_autoencoder', 'UNKNOWN', '', '', 'somebody', 'RUNNING', 1795296150553, 1795296150567, '', 'active', 'mlruns/1/60609e0e56744ba4ba11e6701f2cf2b2/artifacts', 1, NULL);
CREATE TABLE "params" (
    "key" VARCHAR(250) NOT NULL,
    value VARCHAR(8000) NOT NULL,
    run_uuid VARCHAR(32) NOT NULL,
    CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid),
    FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO params VALUES ('lr', '0.003', '05af35b5528247e89b6326328a0463f8');
INSERT INTO params VALUES ('seed', '42', '05af35b5528247e89b6326328a0463f8');
INSERT INTO params VALUES ('lr', '0.001', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO params VALUES ('seed', '42', 'b478e3e57b7640448883c2a5783b019d');
CREATE TABLE "metrics" (
    "key" VARCHAR(250) NOT NULL,
    value FLOAT NOT NULL,
    timestamp BIGINT NOT NULL,
    run_uuid VARCHAR(32) NOT NULL,
    step BIGINT DEFAULT '0' NOT NULL,
    is_nan BOOLEAN DEFAULT '0' NOT NULL,
    CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan),
    FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid),
    CHECK (is_nan IN (0, 1))
);
INSERT INTO metrics VALUES ('train_loss', 1.0, 1795296150447, '05af35b5528247e89b6326328a0463f8', 0, 0);
INSERT INTO metrics VALUES ('val_loss', 0.6666666666666666, 1795296150447, '05af35b5528247e89b6326328a0463f8', 0, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8, 1795296150447, '05af35b5528247e89b6326328a0463f8', 0, 0);
INSERT INTO metrics VALUES ('f1', 0.5, 1795296150447, '05af35b5528247e89b6326328a0463f8', 0, 0);
INSERT INTO metrics VALUES ('train_loss', 0.5, 1795296150454, '05af35b5528247e89b6326328a0463f8', 1, 0);
INSERT INTO metrics VALUES ('val_loss', 0.4, 1795296150454, '05af35b5528247e89b6326328a0463f8', 1, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8200000000000001, 1795296150454, '05af35b5528247e89b6326328a0463f8', 1, 0);
INSERT INTO metrics VALUES ('f1', 0.5, 1795296150454, '05af35b5528247e89b6326328a0463f8', 1, 0);
INSERT INTO metrics VALUES ('train_loss', 0.3333333333333333, 1795296150462, '05af35b5528247e89b6326328a0463f8', 2, 0);
INSERT INTO metrics VALUES ('val_loss', 0.2857142857142857, 1795296150462, '05af35b5528247e89b6326328a0463f8', 2, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8400000000000001, 1795296150462, '05af35b5528247e89b6326328a0463f8', 2, 0);
INSERT INTO metrics VALUES ('f1', 0.5, 1795296150462, '05af35b5528247e89b6326328a0463f8', 2, 0);
INSERT INTO metrics VALUES ('train_loss', 0.25, 1795296150467, '05af35b5528247e89b6326328a0463f8', 3, 0);
INSERT INTO metrics VALUES ('val_loss', 0.2222222222222222, 1795296150467, '05af35b5528247e89b6326328a0463f8', 3, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8600000000000001, 1795296150467, '05af35b5528247e89b6326328a0463f8', 3, 0);
INSERT INTO metrics VALUES ('f1', 0.5, 1795296150467, '05af35b5528247e89b6326328a0463f8', 3, 0);
INSERT INTO metrics VALUES ('train_loss', 1.0, 1795296150493, 'b478e3e57b7640448883c2a5783b019d', 0, 0);
INSERT INTO metrics VALUES ('val_loss', 0.6666666666666666, 1795296150493, 'b478e3e57b7640448883c2a5783b019d', 0, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8, 1795296150493, 'b478e3e57b7640448883c2a5783b019d', 0, 0);
INSERT INTO metrics VALUES ('train_loss', 0.5, 1795296150497, 'b478e3e57b7640448883c2a5783b019d', 1, 0);
INSERT INTO metrics VALUES ('val_loss', 0.4, 1795296150497, 'b478e3e57b7640448883c2a5783b019d', 1, 0);
INSERT INTO metrics VALUES ('val_auc', 1.2, 1795296150497, 'b478e3e57b7640448883c2a5783b019d', 1, 0);
INSERT INTO metrics VALUES ('train_loss', 0.3333333333333333, 1795296150502, 'b478e3e57b7640448883c2a5783b019d', 2, 0);
INSERT INTO metrics VALUES ('val_loss', 0.0, 1795296150502, 'b478e3e57b7640448883c2a5783b019d', 2, 1);
INSERT INTO metrics VALUES ('val_auc', 0.8, 1795296150502, 'b478e3e57b7640448883c2a5783b019d', 2, 0);
INSERT INTO metrics VALUES ('train_loss', 0.25, 1795296150508, 'b478e3e57b7640448883c2a5783b019d', 3, 0);
INSERT INTO metrics VALUES ('val_loss', 0.2222222222222222, 1795296150508, 'b478e3e57b7640448883c2a5783b019d', 3, 0);
INSERT INTO metrics VALUES ('val_auc', 0.8, 1795296150508, 'b478e3e57b7640448883c2a5783b019d', 3, 0);
INSERT INTO metrics VALUES ('val_loss', 1.7976931348623157e+308, 1795296150523, '1603279032aa4507b11d588c27cbe275', 0, 0);
INSERT INTO metrics VALUES ('val_loss', 0.4, 1795296150543, 'b4677e8254d6422eac89eff148e4f474', 0, 0);
INSERT INTO metrics VALUES ('val_loss', 0.3, 1795296150564, '60609e0e56744ba4ba11e6701f2cf2b2', 0, 0);
CREATE TABLE "latest_metrics" (
    "key" VARCHAR(250) NOT NULL,
    value FLOAT NOT NULL,
    timestamp BIGINT,
    step BIGINT NOT NULL,
    is_nan BOOLEAN NOT NULL,
    run_uuid VARCHAR(32) NOT NULL,
    CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid),
    FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid),
    CHECK (is_nan IN (0, 1))
);
INSERT INTO latest_metrics VALUES ('train_loss', 0.25, 1795296150467, 3, 0, '05af35b5528247e89b6326328a0463f8');
INSERT INTO latest_metrics VALUES ('val_loss', 0.2222222222222222, 1795296150467, 3, 0, '05af35b5528247e89b6326328a0463f8');
INSERT INTO latest_metrics VALUES ('val_auc', 0.8600000000000001, 1795296150467, 3, 0, '05af35b5528247e89b6326328a0463f8');
INSERT INTO latest_metrics VALUES ('f1', 0.5, 1795296150467, 3, 0, '05af35b5528247e89b6326328a0463f8');
INSERT INTO latest_metrics VALUES ('train_loss', 0.25, 1795296150508, 3, 0, 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO latest_metrics VALUES ('val_loss', 0.2222222222222222, 1795296150508, 3, 0, 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO latest_metrics VALUES ('val_auc', 0.8, 1795296150508, 3, 0, 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO latest_metrics VALUES ('val_loss', 1.7976931348623157e+308, 1795296150523, 0, 0, '1603279032aa4507b11d588c27cbe275');
INSERT INTO latest_metrics VALUES ('val_loss', 0.4, 1795296150543, 0, 0, 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO latest_metrics VALUES ('val_loss', 0.3, 1795296150564, 0, 0, '60609e0e56744ba4ba11e6701f2cf2b2');
CREATE TABLE "tags" (
    "key" VARCHAR(250) NOT NULL,
    value VARCHAR(8000),
    run_uuid VARCHAR(32) NOT NULL,
    CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid),
    FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO tags VALUES ('mlflow.user', 'somebody', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('mlflow.source.name', 'make.py', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('mlflow.runName', 'set_01/teacher_curriculum', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('dataset', 'set_01', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('stage', 'curriculum', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('model_size', 'teacher', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('use_kd', 'False', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('model_arch', 'gat', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('status', 'complete', '05af35b5528247e89b6326328a0463f8');
INSERT INTO tags VALUES ('mlflow.user', 'somebody', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('mlflow.source.name', 'make.py', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('mlflow.runName', 'set_01/student_curriculum_kd', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('dataset', 'set_01', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('stage', 'curriculum', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('model_size', 'student', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('use_kd', 'True', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('model_arch', 'gat', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('teacher_run_id', 'set_01/teacher_curriculum', 'b478e3e57b7640448883c2a5783b019d');
INSERT INTO tags VALUES ('mlflow.user', 'somebody', '1603279032aa4507b11d588c27cbe275');
INSERT INTO tags VALUES ('mlflow.source.name', 'make.py', '1603279032aa4507b11d588c27cbe275');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '1603279032aa4507b11d588c27cbe275');
INSERT INTO tags VALUES ('mlflow.runName', 'notes', '1603279032aa4507b11d588c27cbe275');
INSERT INTO tags VALUES ('mlflow.user', 'somebody', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('mlflow.source.name', 'make.py', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('mlflow.runName', 'set_01/student_autoencoder', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('dataset', 'set_01', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('stage', 'autoencoder', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('model_size', 'student', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('model_arch', 'vgae', 'b4677e8254d6422eac89eff148e4f474');
INSERT INTO tags VALUES ('mlflow.user', 'somebody', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('mlflow.source.name', 'make.py', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('mlflow.runName', 'set_01/teacher_autoencoder', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('dataset', 'set_01', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('stage', 'autoencoder', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('model_size', 'teacher', '60609e0e56744ba4ba11e6701f2cf2b2');
INSERT INTO tags VALUES ('model_arch', 'vgae', '60609e0e56744ba4ba11e6701f2cf2b2');
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('dc11669786a5');
