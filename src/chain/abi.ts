import { type AbiEvent, parseAbi, toEventSelector } from 'viem';
import type { Registry } from './events.ts';

/**
 * The events of the live registries ("2.0.0"), from EIP-8004 and its reference contracts; the proxy's from EIP-1967,
 * `MetadataUpdate` from EIP-4906. Argument names are the contracts' own: the decoder's table refers to them.
 */
const PROXY = parseAbi([
  'event Upgraded(address indexed implementation)',
  'event Initialized(uint64 version)',
  'event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)',
]);

const IDENTITY = parseAbi([
  'event Registered(uint256 indexed agentId, string agentURI, address indexed owner)',
  'event MetadataSet(uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue)',
  'event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy)',
  'event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)',
  'event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId)',
  'event ApprovalForAll(address indexed owner, address indexed operator, bool approved)',
  'event MetadataUpdate(uint256 _tokenId)',
  'event BatchMetadataUpdate(uint256 _fromTokenId, uint256 _toTokenId)',
]);

const REPUTATION = parseAbi([
  'event NewFeedback(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, int128 value, uint8 valueDecimals, string indexed indexedTag1, string tag1, string tag2, string endpoint, string feedbackURI, bytes32 feedbackHash)',
  'event FeedbackRevoked(uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex)',
  'event ResponseAppended(uint256 indexed agentId, address indexed clientAddress, uint64 feedbackIndex, address indexed responder, string responseURI, bytes32 responseHash)',
]);

const VALIDATION = parseAbi([
  'event ValidationRequest(address indexed validatorAddress, uint256 indexed agentId, string requestURI, bytes32 indexed requestHash)',
  'event ValidationResponse(address indexed validatorAddress, uint256 indexed agentId, bytes32 indexed requestHash, uint8 response, string responseURI, bytes32 responseHash, string tag)',
]);

export const REGISTRY_EVENTS: Readonly<Record<Registry, readonly AbiEvent[]>> = {
  identity: [...IDENTITY, ...PROXY],
  reputation: [...REPUTATION, ...PROXY],
  validation: [...VALIDATION, ...PROXY],
};

const bySelector = (events: readonly AbiEvent[]): ReadonlyMap<string, AbiEvent> =>
  new Map(events.map((event) => [toEventSelector(event), event]));

/** A registry's events by `topic0` (lower-case hex). */
export const EVENT_BY_SELECTOR: Readonly<Record<Registry, ReadonlyMap<string, AbiEvent>>> = {
  identity: bySelector(REGISTRY_EVENTS.identity),
  reputation: bySelector(REGISTRY_EVENTS.reputation),
  validation: bySelector(REGISTRY_EVENTS.validation),
};

/** The `topic0` of events that hardly any other contract emits: their presence in a block's bloom says something. */
export const DISTINCTIVE_SELECTORS: readonly string[] = [
  ...IDENTITY.filter(({ name }) => name === 'Registered' || name === 'MetadataSet' || name === 'URIUpdated'),
  ...REPUTATION,
  ...VALIDATION,
].map((event) => toEventSelector(event));
