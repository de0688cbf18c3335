CREATE TABLE "domains" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"host" text NOT NULL,
	"token" text NOT NULL,
	"status" text NOT NULL,
	"api_id" uuid,
	"branding" jsonb NOT NULL,
	"verified_at" timestamp (3) with time zone,
	"checked_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "domains_host_key" UNIQUE("organization_id","host")
);
--> statement-breakpoint
CREATE TABLE "api_revisions" (
	"api_id" uuid NOT NULL,
	"revision" integer NOT NULL,
	"definition" json NOT NULL,
	"note" text,
	"actor" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "api_revisions_api_id_revision_pk" PRIMARY KEY("api_id","revision")
);
--> statement-breakpoint
CREATE TABLE "apis" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"visibility" text NOT NULL,
	"status" text NOT NULL,
	"definition" json NOT NULL,
	"revision" integer NOT NULL,
	"compiled_bytes" integer NOT NULL,
	"limits" json NOT NULL,
	"purged" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "apis_slug_key" UNIQUE("organization_id","slug")
);
--> statement-breakpoint
CREATE TABLE "upstream_hosts" (
	"organization_id" uuid NOT NULL,
	"host" text NOT NULL,
	"token" text NOT NULL,
	"proven_at" timestamp (3) with time zone,
	"checked_at" timestamp (3) with time zone,
	"missing_since" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "upstream_hosts_organization_id_host_pk" PRIMARY KEY("organization_id","host")
);
--> statement-breakpoint
CREATE TABLE "idempotent_answers" (
	"principal" text NOT NULL,
	"key" text NOT NULL,
	"holder" text NOT NULL,
	"fingerprint" text NOT NULL,
	"status" integer NOT NULL,
	"sealed_body" text,
	"organization_id" text,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotent_answers_principal_key_pk" PRIMARY KEY("principal","key")
);
--> statement-breakpoint
CREATE TABLE "agent_links" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"chain_id" bigint NOT NULL,
	"agent_id" text NOT NULL,
	"wallet_address" text NOT NULL,
	"status" text NOT NULL,
	"proven_block" bigint NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"stale_event_id" text,
	"revoked_at" timestamp (3) with time zone,
	"revoked_reason" text
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"hash" text NOT NULL,
	"environment" text NOT NULL,
	"key_type" text NOT NULL,
	"permissions" text[] NOT NULL,
	"rate_limit_override" integer,
	"ip_allowlist" text[],
	"endpoints" text[],
	"methods" text[],
	"created_at" timestamp (3) with time zone NOT NULL,
	"created_by" uuid NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	"revoked_reason" text,
	CONSTRAINT "api_keys_hash_key" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "organization_edges" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"gateway_version" bigint DEFAULT 0 NOT NULL,
	"acked" bigint DEFAULT 0 NOT NULL,
	"deleted" boolean DEFAULT false NOT NULL,
	"swept_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "members" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "members_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"organization_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"role" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "members_organization_user_key" UNIQUE("organization_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"description" text,
	"is_personal" boolean DEFAULT false NOT NULL,
	"plan" text DEFAULT 'free' NOT NULL,
	"units_per_hour" integer,
	"leases" boolean,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "organizations_slug_key" UNIQUE("slug"),
	CONSTRAINT "organizations_plan_known" CHECK (plan in ('free', 'starter', 'pro', 'enterprise')),
	CONSTRAINT "organizations_units_per_hour_positive" CHECK ("organizations"."units_per_hour" > 0)
);
--> statement-breakpoint
CREATE TABLE "refresh_tokens" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"session_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"spent_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"refreshed_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"user_agent" text,
	"address" text,
	"wrong_passwords" integer DEFAULT 0 NOT NULL,
	"revoked_at" timestamp (3) with time zone,
	"revoked_reason" text
);
--> statement-breakpoint
CREATE TABLE "sign_in_networks" (
	"user_id" uuid NOT NULL,
	"network" text NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL,
	"failed_logins" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp (3) with time zone,
	CONSTRAINT "sign_in_networks_user_id_network_pk" PRIMARY KEY("user_id","network")
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"username" text NOT NULL,
	"email" text NOT NULL,
	"password_hash" text NOT NULL,
	"password_version" integer DEFAULT 1 NOT NULL,
	"failed_logins" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp (3) with time zone,
	"organizations_made" integer DEFAULT 0 NOT NULL,
	"organizations_made_on" text DEFAULT '' NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"last_login_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "wallet_challenges" (
	"nonce" text PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"message" text NOT NULL,
	"wallet_address" text NOT NULL,
	"user_id" uuid,
	"organization_id" uuid,
	"chain_id" bigint,
	"agent_id" text,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "request_log_losses" (
	"message_id" uuid NOT NULL,
	"organization_id" uuid,
	"at" timestamp (3) with time zone NOT NULL,
	"records" integer NOT NULL,
	CONSTRAINT "request_log_losses_key" UNIQUE NULLS NOT DISTINCT("message_id","organization_id")
);
--> statement-breakpoint
CREATE TABLE "request_logs" (
	"organization_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"message_id" uuid NOT NULL,
	"position" smallint NOT NULL,
	"request_id" text NOT NULL,
	"api" text,
	"version" text,
	"endpoint_id" text,
	"route" text,
	"method" text NOT NULL,
	"status" smallint NOT NULL,
	"error" text,
	"cost" integer NOT NULL,
	"caller" text,
	"key_id" text,
	"is_test" boolean NOT NULL,
	"upstream_id" text,
	"cache" text,
	"attempts" smallint NOT NULL,
	"duration_ms" integer NOT NULL,
	"waiting_ms" integer,
	"upstream_ms" integer,
	"request_bytes" bigint,
	"response_bytes" bigint,
	"colo" text,
	"country" text,
	CONSTRAINT "request_logs_pkey" PRIMARY KEY("organization_id","at","message_id","position")
);
--> statement-breakpoint
CREATE TABLE "rate_limits" (
	"id" text PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"name" text NOT NULL,
	"scope" text NOT NULL,
	"target" text,
	"unit_limit" integer NOT NULL,
	"time_window" text NOT NULL,
	"algorithm" text NOT NULL,
	"burst" integer,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "rate_limits_name_key" UNIQUE("organization_id","name")
);
--> statement-breakpoint
CREATE TABLE "organization_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"type" text NOT NULL,
	"dedupe_key" text NOT NULL,
	"data" jsonb NOT NULL,
	"occurred_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "organization_events_dedupe_key" UNIQUE("organization_id","dedupe_key")
);
--> statement-breakpoint
CREATE TABLE "usage_drawers" (
	"organization_id" uuid NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"drawer" text NOT NULL,
	"units" bigint NOT NULL,
	"tier0_calls" bigint NOT NULL,
	"tier1_calls" bigint NOT NULL,
	"tier2_calls" bigint NOT NULL,
	"tier3_calls" bigint NOT NULL,
	CONSTRAINT "usage_drawers_organization_id_started_at_drawer_pk" PRIMARY KEY("organization_id","started_at","drawer")
);
--> statement-breakpoint
CREATE TABLE "usage_windows" (
	"organization_id" uuid NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone NOT NULL,
	"units" bigint NOT NULL,
	"unit_limit" bigint NOT NULL,
	"tier0_calls" bigint NOT NULL,
	"tier1_calls" bigint NOT NULL,
	"tier2_calls" bigint NOT NULL,
	"tier3_calls" bigint NOT NULL,
	CONSTRAINT "usage_windows_organization_id_started_at_pk" PRIMARY KEY("organization_id","started_at")
);
--> statement-breakpoint
CREATE TABLE "audit_heads" (
	"organization_id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_logs" (
	"organization_id" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"hash" text NOT NULL,
	"content" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "audit_logs_organization_id_seq_pk" PRIMARY KEY("organization_id","seq")
);
--> statement-breakpoint
CREATE TABLE "action_circuits" (
	"action_id" integer PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"state" text NOT NULL,
	"failures" integer NOT NULL,
	"recent" text NOT NULL,
	"openings" integer NOT NULL,
	"opened_at" timestamp (3) with time zone,
	"retry_at" timestamp (3) with time zone,
	"probe" uuid,
	"reason" text
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"action_id" integer NOT NULL,
	"match_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"retracts" uuid,
	"action_type" text NOT NULL,
	"endpoint" text NOT NULL,
	"status" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"attempts_before" integer DEFAULT 0 NOT NULL,
	"lane" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp (3) with time zone NOT NULL,
	"lease_until" timestamp (3) with time zone,
	"slot" integer,
	"hinted_at" timestamp (3) with time zone,
	"cancelled_at" timestamp (3) with time zone,
	"last_error" text,
	"created_at" timestamp (3) with time zone NOT NULL,
	"completed_at" timestamp (3) with time zone,
	CONSTRAINT "deliveries_match_action_key" UNIQUE("match_id","action_id")
);
--> statement-breakpoint
CREATE TABLE "delivery_allowances" (
	"organization_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"asked" bigint NOT NULL,
	CONSTRAINT "delivery_allowances_organization_id_hour_pk" PRIMARY KEY("organization_id","hour")
);
--> statement-breakpoint
CREATE TABLE "delivery_attempts" (
	"delivery_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"duration_ms" integer NOT NULL,
	"outcome" text NOT NULL,
	"response_status" integer,
	"response_excerpt" text,
	"error" text,
	CONSTRAINT "delivery_attempts_delivery_id_attempt_pk" PRIMARY KEY("delivery_id","attempt")
);
--> statement-breakpoint
CREATE TABLE "agent_follow_triggers" (
	"trigger_id" uuid PRIMARY KEY NOT NULL,
	"follow_id" uuid NOT NULL,
	"registry" text NOT NULL,
	CONSTRAINT "agent_follow_triggers_registry_key" UNIQUE("follow_id","registry")
);
--> statement-breakpoint
CREATE TABLE "agent_follows" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"chain_id" bigint NOT NULL,
	"agent_id" text NOT NULL,
	"enabled" boolean NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "agent_follows_agent_key" UNIQUE("organization_id","chain_id","agent_id")
);
--> statement-breakpoint
CREATE TABLE "chain_events" (
	"id" text PRIMARY KEY NOT NULL,
	"chain_id" bigint NOT NULL,
	"block_hash" text NOT NULL,
	"log_index" integer NOT NULL,
	"block_number" bigint NOT NULL,
	"block_time" timestamp (3) with time zone NOT NULL,
	"transaction_hash" text NOT NULL,
	"registry" text NOT NULL,
	"address" text NOT NULL,
	"event_type" text NOT NULL,
	"agent_id" text,
	"fields" jsonb NOT NULL,
	"topics" jsonb NOT NULL,
	"data" text NOT NULL,
	"status" text NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "chain_feed" (
	"chain_id" bigint NOT NULL,
	"seq" bigint NOT NULL,
	"operation" text NOT NULL,
	"event_id" text NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "chain_feed_chain_id_seq_pk" PRIMARY KEY("chain_id","seq")
);
--> statement-breakpoint
CREATE TABLE "undecoded_logs" (
	"chain_id" bigint NOT NULL,
	"block_hash" text NOT NULL,
	"log_index" integer NOT NULL,
	"block_number" bigint NOT NULL,
	"transaction_hash" text NOT NULL,
	"address" text NOT NULL,
	"topics" jsonb NOT NULL,
	"data" text NOT NULL,
	"reason" text NOT NULL,
	"recorded_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "undecoded_logs_chain_id_block_hash_log_index_pk" PRIMARY KEY("chain_id","block_hash","log_index")
);
--> statement-breakpoint
CREATE TABLE "matcher_cursors" (
	"chain_id" bigint PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trigger_matches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"trigger_version" integer NOT NULL,
	"group_key" text DEFAULT '' NOT NULL,
	"event_id" text NOT NULL,
	"appearance" integer DEFAULT 0 NOT NULL,
	"kind" text NOT NULL,
	"state" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "trigger_matches_fire_key" UNIQUE("trigger_id","group_key","event_id","appearance","kind")
);
--> statement-breakpoint
CREATE TABLE "replays" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"status" text NOT NULL,
	"range_from" timestamp (3) with time zone NOT NULL,
	"range_to" timestamp (3) with time zone NOT NULL,
	"wanted" text NOT NULL,
	"action_id" integer,
	"total" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"sent" integer DEFAULT 0 NOT NULL,
	"after_created_at" timestamp (3) with time zone,
	"after_id" uuid,
	"stepped_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"completed_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "trigger_actions" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "trigger_actions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"organization_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"action_type" text NOT NULL,
	"priority" integer NOT NULL,
	"config" jsonb NOT NULL,
	"sealed_secrets" text,
	"sealed_signing_secret" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trigger_changes" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"trigger_id" uuid NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"changed_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trigger_conditions" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "trigger_conditions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"organization_id" uuid NOT NULL,
	"trigger_id" uuid NOT NULL,
	"condition_type" text NOT NULL,
	"field" text NOT NULL,
	"operator" text NOT NULL,
	"value" text NOT NULL,
	"config" jsonb,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "triggers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organization_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"chain_id" bigint,
	"registry" text NOT NULL,
	"enabled" boolean NOT NULL,
	"is_stateful" boolean NOT NULL,
	"match_all" boolean DEFAULT false NOT NULL,
	"confirmations" integer,
	"version" integer DEFAULT 1 NOT NULL,
	"broad" boolean DEFAULT false NOT NULL,
	"patterns" integer DEFAULT 0 NOT NULL,
	"stateful_conditions" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trigger_states" (
	"trigger_id" uuid NOT NULL,
	"condition_id" integer NOT NULL,
	"group_key" text NOT NULL,
	"chain_id" bigint NOT NULL,
	"fingerprint" text NOT NULL,
	"memory" jsonb NOT NULL,
	"held" boolean NOT NULL,
	"due_at" bigint,
	"ends_at" bigint NOT NULL,
	"anchor_event_id" text,
	"anchor_appearance" integer,
	CONSTRAINT "trigger_states_condition_id_group_key_pk" PRIMARY KEY("condition_id","group_key")
);
--> statement-breakpoint
ALTER TABLE "domains" ADD CONSTRAINT "domains_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "domains" ADD CONSTRAINT "domains_api_id_apis_id_fk" FOREIGN KEY ("api_id") REFERENCES "public"."apis"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_revisions" ADD CONSTRAINT "api_revisions_api_id_apis_id_fk" FOREIGN KEY ("api_id") REFERENCES "public"."apis"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "apis" ADD CONSTRAINT "apis_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upstream_hosts" ADD CONSTRAINT "upstream_hosts_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_links" ADD CONSTRAINT "agent_links_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD CONSTRAINT "refresh_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sign_in_networks" ADD CONSTRAINT "sign_in_networks_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rate_limits" ADD CONSTRAINT "rate_limits_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "organization_events" ADD CONSTRAINT "organization_events_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_drawers" ADD CONSTRAINT "usage_drawers_window_fk" FOREIGN KEY ("organization_id","started_at") REFERENCES "public"."usage_windows"("organization_id","started_at") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_windows" ADD CONSTRAINT "usage_windows_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "action_circuits" ADD CONSTRAINT "action_circuits_action_id_trigger_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "public"."trigger_actions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_action_id_trigger_actions_id_fk" FOREIGN KEY ("action_id") REFERENCES "public"."trigger_actions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_match_id_trigger_matches_id_fk" FOREIGN KEY ("match_id") REFERENCES "public"."trigger_matches"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "delivery_attempts" ADD CONSTRAINT "delivery_attempts_delivery_id_deliveries_id_fk" FOREIGN KEY ("delivery_id") REFERENCES "public"."deliveries"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_follow_triggers" ADD CONSTRAINT "agent_follow_triggers_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_follow_triggers" ADD CONSTRAINT "agent_follow_triggers_follow_id_agent_follows_id_fk" FOREIGN KEY ("follow_id") REFERENCES "public"."agent_follows"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_follows" ADD CONSTRAINT "agent_follows_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chain_feed" ADD CONSTRAINT "chain_feed_event_id_chain_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."chain_events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_matches" ADD CONSTRAINT "trigger_matches_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_matches" ADD CONSTRAINT "trigger_matches_event_id_chain_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."chain_events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replays" ADD CONSTRAINT "replays_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_actions" ADD CONSTRAINT "trigger_actions_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_conditions" ADD CONSTRAINT "trigger_conditions_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "triggers" ADD CONSTRAINT "triggers_organization_id_organizations_id_fk" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_states" ADD CONSTRAINT "trigger_states_trigger_id_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."triggers"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_states" ADD CONSTRAINT "trigger_states_condition_id_trigger_conditions_id_fk" FOREIGN KEY ("condition_id") REFERENCES "public"."trigger_conditions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "domains_verified_key" ON "domains" USING btree ("host") WHERE status = 'verified';--> statement-breakpoint
CREATE INDEX "domains_api_idx" ON "domains" USING btree ("api_id");--> statement-breakpoint
CREATE INDEX "apis_organization_idx" ON "apis" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "upstream_hosts_checked_idx" ON "upstream_hosts" USING btree ("checked_at") WHERE proven_at is not null;--> statement-breakpoint
CREATE INDEX "idempotent_answers_expiry_idx" ON "idempotent_answers" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "agent_links_standing_key" ON "agent_links" USING btree ("chain_id","agent_id") WHERE status in ('active', 'stale');--> statement-breakpoint
CREATE INDEX "agent_links_agent_idx" ON "agent_links" USING btree ("chain_id","agent_id","id");--> statement-breakpoint
CREATE INDEX "agent_links_organization_idx" ON "agent_links" USING btree ("organization_id","id");--> statement-breakpoint
CREATE INDEX "agent_links_wallet_idx" ON "agent_links" USING btree ("wallet_address") WHERE status = 'active';--> statement-breakpoint
CREATE INDEX "api_keys_organization_idx" ON "api_keys" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "organization_edges_behind_idx" ON "organization_edges" USING btree ("swept_at") WHERE acked < version;--> statement-breakpoint
CREATE UNIQUE INDEX "members_owner_key" ON "members" USING btree ("organization_id") WHERE "members"."role" = 'owner';--> statement-breakpoint
CREATE INDEX "members_user_idx" ON "members" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "refresh_tokens_session_idx" ON "refresh_tokens" USING btree ("session_id");--> statement-breakpoint
CREATE INDEX "sessions_user_idx" ON "sessions" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "sessions_expiry_idx" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "sessions_revoked_idx" ON "sessions" USING btree ("revoked_at");--> statement-breakpoint
CREATE INDEX "sign_in_networks_seen_idx" ON "sign_in_networks" USING btree ("last_seen_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_username_key" ON "users" USING btree (lower("username"));--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_key" ON "users" USING btree (lower("email"));--> statement-breakpoint
CREATE INDEX "wallet_challenges_expiry_idx" ON "wallet_challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "request_log_losses_organization_idx" ON "request_log_losses" USING btree ("organization_id","at");--> statement-breakpoint
CREATE INDEX "request_log_losses_at_idx" ON "request_log_losses" USING btree ("at");--> statement-breakpoint
CREATE INDEX "request_logs_api_idx" ON "request_logs" USING btree ("organization_id","api","at");--> statement-breakpoint
CREATE INDEX "request_logs_key_idx" ON "request_logs" USING btree ("organization_id","key_id","at") WHERE key_id is not null;--> statement-breakpoint
CREATE INDEX "request_logs_failed_idx" ON "request_logs" USING btree ("organization_id","at") WHERE status >= 400;--> statement-breakpoint
CREATE INDEX "rate_limits_organization_idx" ON "rate_limits" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "organization_events_occurred_idx" ON "organization_events" USING btree ("occurred_at");--> statement-breakpoint
CREATE INDEX "usage_windows_started_idx" ON "usage_windows" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "audit_logs_action_idx" ON "audit_logs" USING btree ("organization_id","action","seq");--> statement-breakpoint
CREATE INDEX "audit_logs_actor_idx" ON "audit_logs" USING btree ("organization_id","actor","seq");--> statement-breakpoint
CREATE INDEX "audit_logs_target_idx" ON "audit_logs" USING btree ("organization_id","target_type","target_id","seq");--> statement-breakpoint
CREATE INDEX "deliveries_trigger_idx" ON "deliveries" USING btree ("trigger_id","created_at","id");--> statement-breakpoint
CREATE INDEX "deliveries_organization_idx" ON "deliveries" USING btree ("organization_id","created_at","id");--> statement-breakpoint
CREATE INDEX "deliveries_completed_idx" ON "deliveries" USING btree ("completed_at") WHERE completed_at is not null;--> statement-breakpoint
CREATE INDEX "deliveries_replayed_idx" ON "deliveries" USING btree ("trigger_id") WHERE lane = 1 and status in ('pending', 'in_flight');--> statement-breakpoint
CREATE INDEX "deliveries_action_idx" ON "deliveries" USING btree ("action_id","next_attempt_at") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "deliveries_due_idx" ON "deliveries" USING btree ("next_attempt_at") WHERE status = 'pending';--> statement-breakpoint
CREATE UNIQUE INDEX "deliveries_slot_key" ON "deliveries" USING btree ("endpoint","slot") WHERE status = 'in_flight';--> statement-breakpoint
CREATE INDEX "deliveries_lease_idx" ON "deliveries" USING btree ("lease_until") WHERE status = 'in_flight';--> statement-breakpoint
CREATE INDEX "deliveries_waiting_idx" ON "deliveries" USING btree ("endpoint","lane","next_attempt_at") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "delivery_allowances_hour_idx" ON "delivery_allowances" USING btree ("hour");--> statement-breakpoint
CREATE UNIQUE INDEX "chain_events_log_key" ON "chain_events" USING btree ("chain_id","block_hash","log_index");--> statement-breakpoint
CREATE INDEX "chain_events_position_idx" ON "chain_events" USING btree ("chain_id","block_number","log_index");--> statement-breakpoint
CREATE INDEX "chain_events_agent_idx" ON "chain_events" USING btree ("agent_id","chain_id","block_number");--> statement-breakpoint
CREATE INDEX "chain_events_newest_idx" ON "chain_events" USING btree ("block_time","id");--> statement-breakpoint
CREATE INDEX "chain_feed_retract_idx" ON "chain_feed" USING btree ("event_id","seq") WHERE operation = 'retract';--> statement-breakpoint
CREATE INDEX "trigger_matches_event_idx" ON "trigger_matches" USING btree ("event_id");--> statement-breakpoint
CREATE INDEX "trigger_matches_created_idx" ON "trigger_matches" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "replays_running_key" ON "replays" USING btree ("trigger_id") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "replays_stepped_idx" ON "replays" USING btree ("stepped_at") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "replays_completed_idx" ON "replays" USING btree ("completed_at") WHERE completed_at is not null;--> statement-breakpoint
CREATE INDEX "trigger_actions_trigger_idx" ON "trigger_actions" USING btree ("trigger_id");--> statement-breakpoint
CREATE INDEX "trigger_changes_xid_idx" ON "trigger_changes" USING btree ("xid");--> statement-breakpoint
CREATE INDEX "trigger_conditions_trigger_idx" ON "trigger_conditions" USING btree ("trigger_id");--> statement-breakpoint
CREATE INDEX "triggers_organization_idx" ON "triggers" USING btree ("organization_id","created_at");--> statement-breakpoint
CREATE INDEX "triggers_chain_idx" ON "triggers" USING btree ("chain_id");--> statement-breakpoint
CREATE INDEX "trigger_states_due_idx" ON "trigger_states" USING btree ("chain_id","due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "trigger_states_ends_idx" ON "trigger_states" USING btree ("chain_id","ends_at");--> statement-breakpoint
CREATE INDEX "trigger_states_trigger_idx" ON "trigger_states" USING btree ("trigger_id");