//! The agent: it proves itself, then the hub is its DAP client.

use ikpdb_proto::agent::{
    AGENT_REFUSED, AGENT_WELCOME, AgentHello, AgentRefused, AgentWelcome, CHILD, ChildNotDebugged,
};
use ikpdb_proto::client::SessionState;
use ikpdb_proto::dap::{
    AttachArguments, BreakpointEvent, Capabilities, ContinuedEvent, InitializeArguments, ProgressStartEvent,
    StoppedEvent,
};
use ikpdb_proto::proof::{Role as Prover, check, prove};
use ikpdb_proto::{Event, Request, Response, SessionId};
use serde_json::{Map, Value};

use crate::capabilities;
use crate::connection::Role;
use crate::forward::Purpose;
use crate::hub::Hub;
use crate::lifecycle::CHILDREN;
use crate::port::{ConnectionId, Mode};
use crate::session::{AgentLink, Phase};
use crate::timers::Timer;

impl Hub {
    /// An agent's first message.
    pub(super) fn agent_hello(&mut self, connection: ConnectionId, event: &Event) {
        let hello: AgentHello = match event.body() {
            Ok(hello) => hello,
            Err(failure) => return self.refuse_agent(connection, &failure.message),
        };
        if let Err(failure) = self.check_protocol(hello.protocol, "the agent", &hello.build) {
            return self.refuse_agent(connection, &failure.message);
        }
        // The session is found by the secret: after a restart of the hub the agent knows only its old number.
        let proved = |secret: &[u8; 32]| check(secret, Prover::Agent, &hello.nonce, "", &hello.proof);
        let mut found = self.sessions.iter().filter(|(_, it)| it.is_live() && proved(&it.secret));
        match found.next().map(|(&id, session)| (id, session.agent)) {
            Some((_, AgentLink::Joined(..))) => self.refuse_agent(connection, "this session has its agent already"),
            Some((id, AgentLink::Awaited | AgentLink::Lost)) => self.welcome_agent(connection, id, &hello),
            None if hello.resume.is_some() => {
                self.timers.set(self.now + super::EARLY_AGENT_MS, Timer::Introduction(connection));
                if let Some(it) = self.connections.get_mut(&connection) {
                    it.role = Role::EarlyAgent(Box::new(hello));
                }
            }
            None => self.refuse_agent(connection, "its session is not known here or its secret is wrong"),
        }
    }

    /// A runner came back: agents that came before it may have waited for it.
    pub(super) fn recall_agents(&mut self) {
        let waiting: Vec<_> = self
            .connections
            .iter()
            .filter_map(|(&id, it)| match &it.role {
                Role::EarlyAgent(hello) => Some((id, AgentHello::clone(hello))),
                _ => None,
            })
            .collect();
        for (connection, hello) in waiting {
            let known = |secret: &[u8; 32]| check(secret, Prover::Agent, &hello.nonce, "", &hello.proof);
            if self.sessions.values().any(|it| it.is_live() && known(&it.secret)) {
                self.agent_hello(connection, &Event::new("ikpdb/agentHello", &hello));
            }
        }
    }

    pub(super) fn refuse_agent(&mut self, connection: ConnectionId, reason: &str) {
        let refused = AgentRefused { reason: reason.to_owned() };
        self.send(connection, None, Event::new(AGENT_REFUSED, &refused).into());
        // Reasons are logged, and this one might quote the message.
        self.drop_connection(connection, "an agent was refused");
    }

    fn welcome_agent(&mut self, connection: ConnectionId, id: SessionId, hello: &AgentHello) {
        if let Some(it) = self.connections.get_mut(&connection) {
            it.role = Role::Agent(id);
        }
        let workspace = self.config.workspace.path.clone();
        let Ok(session) = self.session(id) else { return };
        session.agent = AgentLink::Joined(connection, Phase::Greeting);
        session.filters = None;
        session.info.undebugged = None;
        session.info.pid.get_or_insert(hello.pid);
        session.info.python = Some(hello.python.clone());
        if let Some(resume) = &hello.resume {
            if let Some(stopped) = resume.stopped.clone() {
                session.info.state = SessionState::Stopped;
                session.info.stopped = Some(stopped);
                session.info.also_stopped = resume.also_stopped.clone().unwrap_or_default();
            }
            if let Some(options) = resume.options.clone() {
                session.set_options(options);
            }
        }
        let proof = prove(&session.secret, Prover::Hub, &hello.nonce, "");
        self.dirty.sessions.insert(id);
        let welcome = AgentWelcome { session: id, proof };
        self.send(connection, None, Event::new(AGENT_WELCOME, &welcome).into());
        let about = InitializeArguments {
            client_id: Some("ikpdb".to_owned()),
            client_name: Some("IKPdb hub".to_owned()),
            adapter_id: "ikpdb".to_owned(),
            path_format: Some("path".to_owned()),
            lines_start_at1: Some(true),
            columns_start_at1: Some(true),
            supports_variable_type: Some(true),
            supports_variable_paging: Some(true),
            supports_progress_reporting: Some(true),
        };
        self.ask(connection, id, Request::new("initialize", &about), Purpose::Initialize);
        let Ok(session) = self.session(id) else { return };
        let attach = AttachArguments {
            stop_on_entry: Some(session.run.stop_on_entry && hello.resume.is_none() && !session.no_debug),
            options: session.run.options.clone(),
            workspace: Some(workspace),
        };
        self.ask(connection, id, Request::new("attach", &attach), Purpose::Attach);
    }

    /// The agent says what it can do.
    pub(crate) fn agent_initialized(&mut self, id: SessionId, agent: ConnectionId, response: &Response) {
        let fields = match response.body::<Map<String, Value>>() {
            Ok(fields) => fields,
            Err(_) => return self.drop_connection(agent, "the agent's answer to 'initialize' is not one"),
        };
        self.agent_can(id, fields);
    }

    fn agent_can(&mut self, id: SessionId, fields: Map<String, Value>) {
        let restartable = matches!(self.config.mode, Mode::Shared { .. });
        let Ok(session) = self.session(id) else { return };
        session.capabilities = fields;
        let told = capabilities::told(&session.capabilities, restartable);
        let typed = serde_json::from_value::<Capabilities>(Value::Object(told.clone())).ok();
        session.info.capabilities = typed.clone();
        self.dirty.sessions.insert(id);
        self.dirty.filters = true;
        if let Some(typed) = typed {
            let promised = capabilities::told(&capabilities::fields(&self.config.promised), restartable);
            if promised != told {
                let event = Event::new("capabilities", &serde_json::json!({ "capabilities": told }));
                for editor in self.editors(id) {
                    self.send(editor, None, event.clone().into());
                }
            }
            self.config.promised = typed;
        }
    }

    /// The answer of `attach` comes with or after `configurationDone`; only a refusal means something.
    pub(crate) fn agent_attached(&mut self, agent: ConnectionId, response: &Response) {
        if !response.success {
            self.drop_connection(agent, "the agent refused to attach");
        }
    }

    /// An agent tells something.
    pub(super) fn agent_said(&mut self, connection: ConnectionId, event: Event) {
        let Some(Role::Agent(id)) = self.connections.get(&connection).map(|it| &it.role) else { return };
        let id = *id;
        match event.event.as_str() {
            "initialized" => self.agent_takes_breakpoints(id, connection),
            "stopped" => self.agent_stopped(id, event),
            "continued" => self.agent_continued(id, event),
            "breakpoint" => self.agent_moved_breakpoint(id, event),
            "capabilities" => self.agent_changed(id, event),
            "progressStart" => self.agent_progress(id, connection, event),
            "output" => self.printed(id, event),
            // The runner knows when and how the program ends; its word is what clients get.
            "exited" | "terminated" => {}
            CHILD => {
                if let Ok(child) = event.body::<ChildNotDebugged>()
                    && let Ok(session) = self.session(id)
                    && session.info.children.len() < CHILDREN
                {
                    session.info.children.push(child);
                    self.dirty.sessions.insert(id);
                }
                self.emit(id, event);
            }
            _ => self.emit(id, event),
        }
    }

    /// `initialized`: breakpoints and filters are set before the first line runs.
    fn agent_takes_breakpoints(&mut self, id: SessionId, connection: ConnectionId) {
        let Ok(session) = self.session(id) else { return };
        if session.agent != AgentLink::Joined(connection, Phase::Greeting) {
            return;
        }
        session.agent = AgentLink::Joined(connection, Phase::Configuring);
        let launcher = session.launched_by;
        self.wishes.touch();
        self.dirty.filters = true;
        self.settle_breakpoints();
        self.settle_filters();
        match launcher {
            // The editor configures first.
            Some(editor) if self.invite(editor) => {}
            _ => self.configuration_done(id, None),
        }
    }

    /// It goes on; as a rule everybody knows since the answer to the request that made it.
    fn agent_continued(&mut self, id: SessionId, event: Event) {
        let Ok(session) = self.session(id) else { return };
        let only = match event.body::<ContinuedEvent>() {
            Ok(ContinuedEvent { thread_id, all_threads_continued: Some(false) }) => Some(thread_id),
            _ => None,
        };
        match session.continued.iter().position(|it| *it == only) {
            Some(at) => drop(session.continued.swap_remove(at)),
            None => {
                self.went_on(id, only);
                self.emit(id, event);
            }
        }
    }

    fn agent_stopped(&mut self, id: SessionId, mut event: Event) {
        let Ok(session) = self.session(id) else { return };
        let mut fields: Map<String, Value> = event.body().unwrap_or_default();
        if let Some(hit) = fields.get_mut("hitBreakpointIds") {
            // The agent's ids are known to nobody else: clients know their wishes.
            let theirs = hit.as_array().into_iter().flatten().filter_map(|id| i32::try_from(id.as_i64()?).ok());
            let mut wishes: Vec<_> = theirs.flat_map(|id| session.placing.wishes(id)).collect();
            wishes.sort_unstable();
            wishes.dedup();
            *hit = wishes.into_iter().map(|id| Value::from(id.0)).collect();
            event = Event::new("stopped", &fields);
        }
        if let Ok(stop) = event.body::<StoppedEvent>() {
            self.stopped(id, stop);
        }
        self.emit(id, event);
    }

    /// A breakpoint changed: those who wished for it are told under their own ids.
    fn agent_moved_breakpoint(&mut self, id: SessionId, event: Event) {
        let Ok(BreakpointEvent { breakpoint, .. }) = event.body() else { return };
        let Ok(session) = self.session(id) else { return };
        let changed = session.placing.changed(&breakpoint);
        if changed.is_empty() {
            return;
        }
        self.wishes.touch();
        self.tell_editors(id, changed, None);
    }

    fn agent_changed(&mut self, id: SessionId, event: Event) {
        #[derive(serde::Deserialize)]
        struct Changed {
            capabilities: Map<String, Value>,
        }
        if let Ok(changed) = event.body::<Changed>()
            && let Ok(session) = self.session(id)
        {
            let mut fields = session.capabilities.clone();
            fields.extend(changed.capabilities);
            self.agent_can(id, fields);
        }
        self.emit_to_pages(Some(id), event);
    }

    /// A progress belongs to a request, which only its asker knows, under another number.
    fn agent_progress(&mut self, id: SessionId, agent: ConnectionId, event: Event) {
        let Ok(start) = event.body::<ProgressStartEvent>() else { return self.emit(id, event) };
        let Some(seq) = start.request_id else { return self.emit(id, event) };
        let mut fields: Map<String, Value> = event.body().unwrap_or_default();
        fields.remove("requestId");
        let common = Event::new("progressStart", &fields);
        match self.asker(agent, seq).map(|ask| (ask.from, ask.request.seq)) {
            Some((client, number)) => {
                fields.insert("requestId".to_owned(), number.into());
                self.emit_personal(id, common, Event::new("progressStart", &fields), client);
            }
            None => self.emit(id, common),
        }
    }
}
