package cocalctest

// services are the services that is-purchase-allowed knows.
const services = "credit, auto-credit, refund, compute-server, compute-server-network-usage, compute-server-storage, " +
	"license, edit-license, voucher, openai-gpt-4, openai-gpt-3.5-turbo, openai-gpt-3.5-turbo-16k, " +
	"openai-text-embedding-ada-002, openai-gpt-4-32k, openai-gpt-4-turbo-preview, " +
	"openai-gpt-4-turbo-preview-8k, openai-gpt-4-turbo, openai-gpt-4-turbo-8k, openai-gpt-4o, " +
	"openai-gpt-4o-8k, openai-gpt-4o-mini, openai-gpt-4o-mini-8k, openai-gpt-4.1, openai-gpt-4.1-mini, " +
	"openai-o1-mini-8k, openai-o1-8k, openai-o1-mini, openai-o1, openai-o3-8k, openai-o3, " +
	"openai-o4-mini-8k, openai-o4-mini, openai-gpt-5-8k, openai-gpt-5, openai-gpt-5.2-8k, openai-gpt-5.2, " +
	"openai-gpt-5.5, openai-gpt-5.4-8k, openai-gpt-5.4, openai-gpt-5-mini-8k, openai-gpt-5-mini, " +
	"openai-gpt-5.4-mini-8k, openai-gpt-5.4-mini, google-text-bison-001, google-chat-bison-001, " +
	"google-embedding-gecko-001, google-gemini-1.5-flash, google-gemini-1.5-flash-8k, google-gemini-pro, " +
	"google-gemini-1.0-ultra, google-gemini-1.5-pro-8k, google-gemini-1.5-pro, google-gemini-2.0-flash-8k, " +
	"google-gemini-2.0-flash-lite-8k, google-gemini-2.5-flash-8k, google-gemini-2.5-pro-8k, " +
	"google-gemini-3-flash-preview-16k, google-gemini-3-pro-preview-8k, google-gemini-3.1-pro-preview-8k, " +
	"xai-grok-4-1-fast-non-reasoning-16k, xai-grok-4-1-fast-reasoning-16k, xai-grok-code-fast-1-16k, " +
	"zai-glm-5.1, anthropic-claude-3-opus, anthropic-claude-3-opus-8k, anthropic-claude-3-sonnet, " +
	"anthropic-claude-3-sonnet-4k, anthropic-claude-3-5-sonnet, anthropic-claude-3-5-sonnet-4k, " +
	"anthropic-claude-3-haiku, anthropic-claude-3-haiku-8k, anthropic-claude-3-5-haiku-8k, " +
	"anthropic-claude-4-sonnet-8k, anthropic-claude-4-opus-8k, anthropic-claude-4-5-sonnet-8k, " +
	"anthropic-claude-4-6-sonnet-8k, anthropic-claude-4-5-opus-8k, anthropic-claude-4-6-opus-8k, " +
	"anthropic-claude-4-7-opus-8k, anthropic-claude-4-5-haiku-8k, mistralai-mistral-small-latest, " +
	"mistralai-mistral-medium-latest, mistralai-mistral-large-latest, mistralai-devstral-medium-2507, " +
	"project-upgrade"
