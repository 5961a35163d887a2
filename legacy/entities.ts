import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  type Model,
  type ModelStatic,
  type Sequelize,
} from 'sequelize';
import type { OrderStatus, RefusalCode } from '../domain/errors.ts';
import type { StockMovement } from '../domain/product/stock-rules.ts';

type Row<M extends Model> = Model<InferAttributes<M>, InferCreationAttributes<M>>;

export interface UserRow extends Row<UserRow> {
  id: number;
  tier: string;
  paymentBlocked: boolean;
}
export interface OrderRow extends Row<OrderRow> {
  id: number;
  userId: number;
  status: OrderStatus;
  engine: string | null;
  totalAmount: number;
  discountAmount: number;
  finalAmount: number | null;
  userCouponId: number | null;
  refusalCode: RefusalCode | null;
  xid: CreationOptional<string>;
}
export interface OrderItemRow extends Row<OrderItemRow> {
  orderId: number;
  productId: number;
  qty: number;
  unitPrice: number;
}
export interface CouponRow extends Row<CouponRow> {
  id: number;
  discount: number;
}
export interface UserCouponRow extends Row<UserCouponRow> {
  id: number;
  couponId: number;
  userId: number;
  status: 'ISSUED' | 'USED';
  usedOrderId: number | null;
}
export interface BalanceRow extends Row<BalanceRow> {
  userId: number;
  amount: number;
  version: number;
}
export interface BalanceLedgerRow extends Row<BalanceLedgerRow> {
  id: CreationOptional<number>;
  userId: number;
  orderId: number | null;
  kind: 'OPENING' | 'TOPUP' | 'DEBIT' | 'REFUND';
  amount: number;
  balanceAfter: number;
  version: number;
}
export interface StockRow extends Row<StockRow> {
  productId: number;
  available: number;
  reserved: number;
}
export interface StockLedgerRow extends Row<StockLedgerRow> {
  id: CreationOptional<number>;
  productId: number;
  orderId: number | null;
  kind: StockMovement['kind'];
  qty: number;
}
export interface PaymentRow extends Row<PaymentRow> {
  id: CreationOptional<number>;
  orderId: number;
  userId: number;
  amount: number;
  engine: string;
}

export interface Entities {
  readonly User: ModelStatic<UserRow>;
  readonly Order: ModelStatic<OrderRow>;
  readonly OrderItem: ModelStatic<OrderItemRow>;
  readonly Coupon: ModelStatic<CouponRow>;
  readonly UserCoupon: ModelStatic<UserCouponRow>;
  readonly Balance: ModelStatic<BalanceRow>;
  readonly BalanceLedger: ModelStatic<BalanceLedgerRow>;
  readonly Stock: ModelStatic<StockRow>;
  readonly StockLedger: ModelStatic<StockLedgerRow>;
  readonly Payment: ModelStatic<PaymentRow>;
}

// Functions, because Sequelize writes the column's name into the object it is given.
const bigint = () => ({ type: DataTypes.BIGINT, allowNull: false });
const optionalBigint = () => ({ type: DataTypes.BIGINT, allowNull: true });
const text = () => ({ type: DataTypes.TEXT, allowNull: false });
const optionalText = () => ({ type: DataTypes.TEXT, allowNull: true });
const key = () => ({ ...bigint(), primaryKey: true });
/** Given by the database. */
const identity = () => ({ ...key(), autoIncrement: true });

/** The tables as the monolith knows them: one class each, columns it does not use left out. */
export function defineEntities(sequelize: Sequelize): Entities {
  const table = (tableName: string) => ({ tableName, timestamps: false, underscored: true }) as const;
  const Order = sequelize.define<OrderRow>(
    'Order',
    {
      id: key(),
      userId: bigint(),
      status: text(),
      engine: optionalText(),
      totalAmount: bigint(),
      discountAmount: bigint(),
      finalAmount: optionalBigint(),
      userCouponId: optionalBigint(),
      refusalCode: optionalText(),
      xid: text(),
    },
    table('orders'),
  );
  // The online verifier finds what changed by the transaction that changed it.
  Order.beforeUpdate((order) => {
    order.set({ xid: sequelize.literal('pg_current_xact_id()') as unknown as string });
  });
  return {
    Order,
    User: sequelize.define<UserRow>(
      'User',
      { id: key(), tier: text(), paymentBlocked: DataTypes.BOOLEAN },
      table('users'),
    ),
    OrderItem: sequelize.define<OrderItemRow>(
      'OrderItem',
      { orderId: key(), productId: key(), qty: bigint(), unitPrice: bigint() },
      table('order_items'),
    ),
    Coupon: sequelize.define<CouponRow>('Coupon', { id: key(), discount: bigint() }, table('coupons')),
    UserCoupon: sequelize.define<UserCouponRow>(
      'UserCoupon',
      { id: key(), couponId: bigint(), userId: bigint(), status: text(), usedOrderId: optionalBigint() },
      table('user_coupons'),
    ),
    Balance: sequelize.define<BalanceRow>(
      'Balance',
      { userId: key(), amount: bigint(), version: bigint() },
      table('balances'),
    ),
    BalanceLedger: sequelize.define<BalanceLedgerRow>(
      'BalanceLedger',
      {
        id: identity(),
        userId: bigint(),
        orderId: optionalBigint(),
        kind: text(),
        amount: bigint(),
        balanceAfter: bigint(),
        version: bigint(),
      },
      table('balance_ledger'),
    ),
    Stock: sequelize.define<StockRow>(
      'Stock',
      { productId: key(), available: bigint(), reserved: bigint() },
      table('stocks'),
    ),
    StockLedger: sequelize.define<StockLedgerRow>(
      'StockLedger',
      { id: identity(), productId: bigint(), orderId: optionalBigint(), kind: text(), qty: bigint() },
      table('stock_ledger'),
    ),
    Payment: sequelize.define<PaymentRow>(
      'Payment',
      { id: identity(), orderId: bigint(), userId: bigint(), amount: bigint(), engine: text() },
      table('payments'),
    ),
  };
}
