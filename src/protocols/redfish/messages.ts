import { EXIT, type SluiceError } from '../../core/errors.js';

type Severity = 'OK' | 'Warning' | 'Critical';

/** An entry of @Message.ExtendedInfo. */
export interface Message {
  readonly '@odata.type': '#Message.v1_1_1.Message';
  readonly MessageId: string;
  readonly Message: string;
  readonly MessageArgs: readonly string[];
  readonly MessageSeverity: Severity;
  readonly Resolution: string;
  readonly RelatedProperties?: readonly string[];
  readonly Oem?: object;
}

type Row = readonly [text: string, severity: Severity, resolution: string];

const PROPERTY =
  'Correct the value for the property in the request body and resubmit the request if the operation failed.';
const PARAMETER =
  'Correct the value for the parameter in the request body and resubmit the request if the operation failed.';

/** The messages that this service sends, with the text of the DMTF registries. */
const REGISTRY = {
  'Base.1.19': {
    ActionParameterMissing: [
      'The action %1 requires the parameter %2 to be present in the request body.',
      'Critical',
      'Supply the action with the required parameter in the request body when the request is resubmitted.',
    ],
    ActionParameterUnknown: [
      'The action %1 was submitted with the invalid parameter %2.',
      'Warning',
      'Correct the invalid action parameter and resubmit the request if the operation failed.',
    ],
    ActionParameterValueError: [
      'The value for the parameter %1 in the action %2 is invalid.',
      'Warning',
      PARAMETER,
    ],
    ActionParameterValueFormatError: [
      "The value '%1' for the parameter %2 in the action %3 is of a different format than the parameter can accept.",
      'Warning',
      PARAMETER,
    ],
    ActionParameterValueNotInList: [
      "The value '%1' for the parameter %2 in the action %3 is not in the list of acceptable values.",
      'Warning',
      'Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.',
    ],
    ActionParameterValueTypeError: [
      "The value '%1' for the parameter %2 in the action %3 is of a different type than the parameter can accept.",
      'Warning',
      PARAMETER,
    ],
    HeaderInvalid: [
      "Header '%1' is invalid.",
      'Critical',
      'Resubmit the request with a valid request header.',
    ],
    InsufficientPrivilege: [
      'There are insufficient privileges for the account or credentials associated with the current session to perform the requested operation.',
      'Critical',
      'Either abandon the operation or change the associated access rights and resubmit the request if the operation failed.',
    ],
    InternalError: [
      'The request failed due to an internal service error.  The service is still operational.',
      'Critical',
      'Resubmit the request.  If the problem persists, consider resetting the service.',
    ],
    MalformedJSON: [
      'The request body submitted was malformed JSON and could not be parsed by the receiving service.',
      'Critical',
      'Ensure that the request body is valid JSON and resubmit the request.',
    ],
    MissingOrMalformedPart: [
      'The multipart request contains malformed parts or is missing required parts.',
      'Critical',
      'Add any missing required parts or correct the malformed parts and resubmit the request.',
    ],
    NoValidSession: [
      'There is no valid session established with the implementation.',
      'Critical',
      'Establish a session before attempting any operations.',
    ],
    OperationNotAllowed: ['The HTTP method is not allowed on this resource.', 'Critical', 'None.'],
    OperationTimeout: [
      'A timeout internal to the service occured as part of the request.  Partial results may have been returned.',
      'Warning',
      'Resubmit the request.  If the problem persists, consider resetting the service or provider.',
    ],
    PayloadTooLarge: [
      'The supplied payload exceeds the maximum size supported by the service.',
      'Critical',
      'Check that the supplied payload is correct and supported by this service.',
    ],
    PropertyMissing: [
      'The property %1 is a required property and must be included in the request.',
      'Warning',
      'Ensure that the property is in the request body and has a valid value and resubmit the request if the operation failed.',
    ],
    PropertyUnknown: [
      'The property %1 is not in the list of valid properties for the resource.',
      'Warning',
      'Remove the unknown property from the request body and resubmit the request if the operation failed.',
    ],
    PropertyValueConflict: [
      "The property '%1' could not be written because its value would conflict with the value of the '%2' property.",
      'Warning',
      'No resolution is required.',
    ],
    PropertyValueFormatError: [
      "The value '%1' for the property %2 is of a different format than the property can accept.",
      'Warning',
      PROPERTY,
    ],
    PropertyValueNotInList: [
      "The value '%1' for the property %2 is not in the list of acceptable values.",
      'Warning',
      'Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.',
    ],
    PropertyValueTypeError: [
      "The value '%1' for the property %2 is of a different type than the property can accept.",
      'Warning',
      PROPERTY,
    ],
    QueryNotSupported: [
      'Querying is not supported by the implementation.',
      'Warning',
      'Remove the query parameters and resubmit the request if the operation failed.',
    ],
    ResourceAtUriUnauthorized: [
      "While accessing the resource at '%1', the service received an authorization error '%2'.",
      'Critical',
      'Ensure that the appropriate access is provided for the service in order for it to access the URI.',
    ],
    ResourceInUse: [
      'The change to the requested resource failed because the resource is in use or in transition.',
      'Warning',
      'Remove the condition and resubmit the request if the operation failed.',
    ],
    ResourceMissingAtURI: [
      "The resource at the URI '%1' was not found.",
      'Critical',
      'Place a valid resource at the URI or correct the URI and resubmit the request.',
    ],
    ResourceNotFound: [
      "The requested resource of type %1 named '%2' was not found.",
      'Critical',
      'Provide a valid resource identifier and resubmit the request.',
    ],
    ServiceTemporarilyUnavailable: [
      'The service is temporarily unavailable.  Retry in %1 seconds.',
      'Critical',
      'Wait for the indicated retry duration and retry the operation.',
    ],
    SessionLimitExceeded: [
      'The session establishment failed due to the number of simultaneous sessions exceeding the limit of the implementation.',
      'Critical',
      'Reduce the number of other sessions before trying to establish the session or increase the limit of simultaneous sessions, if supported.',
    ],
    UnrecognizedRequestBody: [
      'The service detected a malformed request body that it was unable to interpret.',
      'Warning',
      'Correct the request body and resubmit the request if it failed.',
    ],
  },
  'TaskEvent.1.0': {
    TaskStarted: ["The task with Id '%1' has started.", 'OK', 'None.'],
    TaskCompletedOK: ["The task with Id '%1' has completed.", 'OK', 'None.'],
    TaskAborted: ["The task with Id '%1' has completed with errors.", 'Critical', 'None.'],
    TaskCancelled: [
      "Work on the task with Id '%1' has been halted prior to completion due to an explicit request.",
      'Warning',
      'None.',
    ],
  },
  'Update.1.0': {
    UpdateSuccessful: ["Device '%1' successfully updated with image '%2'.", 'OK', 'None.'],
    AwaitToActivate: [
      "Awaiting for an action to proceed with activating image '%1' on '%2'.",
      'OK',
      'Perform the requested action to advance the update operation.',
    ],
    TransferFailed: ["Transfer of image '%1' to '%2' failed.", 'Critical', 'None.'],
    VerificationFailed: ["Verification of image '%1' at '%2' failed.", 'Critical', 'None.'],
    ApplyFailed: ["Installation of image '%1' to '%2' failed.", 'Critical', 'None.'],
  },
} as const satisfies Record<string, Record<string, Row>>;

type Registries = typeof REGISTRY;
export type BaseMessage = keyof Registries['Base.1.19'];

/** A message of the Base registry. */
export const base = (key: BaseMessage, ...args: readonly string[]): Message =>
  fill('Base.1.19', key, REGISTRY['Base.1.19'][key], args);

export const taskEvent = (key: keyof Registries['TaskEvent.1.0'], ...args: readonly string[]): Message =>
  fill('TaskEvent.1.0', key, REGISTRY['TaskEvent.1.0'][key], args);

export const updateMessage = (key: keyof Registries['Update.1.0'], ...args: readonly string[]): Message =>
  fill('Update.1.0', key, REGISTRY['Update.1.0'][key], args);

/** The message of a sluice error, such as `Sluice.1.0.TrustSignature` for ERR_TRUST_SIGNATURE. */
export function ownMessage(error: SluiceError): Message {
  const { code, message, nextRemote, flash } = error;
  const key = code
    .slice('ERR_'.length)
    .toLowerCase()
    .replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  return {
    '@odata.type': '#Message.v1_1_1.Message',
    MessageId: `Sluice.1.0.${key}`,
    Message: message,
    MessageArgs: [],
    MessageSeverity: severityOf(error),
    Resolution: nextRemote,
    Oem: { Sluice: { '@odata.type': '#SluiceMessage.v1_0_0.Message', Code: code, Flash: flash } },
  };
}

/** Severity of an error for the board. A flash error is critical even if the state of the flash is unknown. */
export function severityOf({ flash, exit }: SluiceError): 'Warning' | 'Critical' {
  return flash === 'untouched' || (flash === null && exit !== EXIT.flash) ? 'Warning' : 'Critical';
}

function fill(registry: string, key: string, row: Row, args: readonly string[]): Message {
  const [text, severity, resolution] = row;
  // Limits the text that clients have sent and that is returned to them.
  const shortened = args.map((word) => word.slice(0, 200));
  return {
    '@odata.type': '#Message.v1_1_1.Message',
    MessageId: `${registry}.${key}`,
    Message: text.replaceAll(/%(\d)/g, (_all, digit: string) => shortened[Number(digit) - 1] ?? ''),
    MessageArgs: shortened,
    MessageSeverity: severity,
    Resolution: resolution,
  };
}
